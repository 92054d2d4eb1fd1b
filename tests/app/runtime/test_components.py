"""The parts of a process as /health shows them."""

from __future__ import annotations

from app.runtime.components import Component, Status


def test_a_part_works_or_has_a_problem() -> None:
    assert Component.of("index", None) == Component(name="index", status=Status.OK)
    assert Component.of("index", "it is being built") == Component(
        name="index", status=Status.DEGRADED, detail="it is being built"
    )
