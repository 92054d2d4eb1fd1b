"""Labels of containers, and how they are found again."""

from __future__ import annotations

from infra.selfhost.labels import filters, labels
from tests.support.components import built


def test_every_container_has_the_name_of_its_stack() -> None:
    found: list[tuple[object, object]] = []
    built(lambda here, there: found.extend((label.label, label.value) for label in labels({"more": "yes"})))

    assert found == [("claude-memory.stack", "test"), ("more", "yes")]


def test_a_service_is_found_by_its_stack_and_its_name() -> None:
    assert filters("production", "memory-app-1") == [
        *("--filter", "label=claude-memory.stack=production"),
        *("--filter", "label=claude-memory.service=memory-app-1"),
    ]
