"""Labels of containers, and how they are found again."""

from __future__ import annotations

from infra.selfhost.labels import filters, generation, labels
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


def test_a_generation_is_the_same_for_the_same_declaration_in_any_order() -> None:
    found: list[str] = []

    def declare(here: object, there: object) -> None:
        for declared in ({"a": "1", "b": ["2"]}, {"b": ["2"], "a": "1"}, {"a": "1", "b": ["3"]}):
            generation(declared).apply(found.append)

    built(declare)

    assert found[0] == found[1] != found[2]
    assert len(found[0]) == 12
