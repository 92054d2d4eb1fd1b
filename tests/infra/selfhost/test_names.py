"""Names of services as people write them."""

from __future__ import annotations

from infra.selfhost.names import short


def test_the_beginning_that_all_have_is_left_out_once() -> None:
    assert [short(name) for name in ("memory-app-1", "app-1", "memory-memory-1")] == ["app-1", "app-1", "memory-1"]
