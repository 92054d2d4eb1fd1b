"""Groups: the parts of a stack, each after those that it needs."""

from __future__ import annotations

from infra.plan.groups import groups_of
from tests.support.plans import boat, example_document, fleet


def test_groups_are_the_components_and_resources_of_the_stack_itself_without_providers() -> None:
    groups = {group.name: group for group in groups_of(fleet())}

    assert set(groups) == {"harbour", "fleet", "lighthouse"}
    assert [leaf.name for leaf in groups["fleet"].leaves] == ["fleet-1", "fleet-2"]
    assert [leaf.name for leaf in groups["lighthouse"].leaves] == ["lighthouse"]


def test_a_group_needs_those_that_its_parts_need_and_stands_after_them() -> None:
    groups = groups_of(fleet())

    assert [group.name for group in groups] == ["harbour", "lighthouse", "fleet"]
    assert groups[-1].needs == {"harbour"}


def test_what_is_needed_anyway_is_not_named_again() -> None:
    first = boat("first")
    second = boat("second", needs=[first.key])
    third = boat("third", needs=[first.key, second.key])

    assert [group.needs for group in groups_of([first, second, third])] == [set(), {"first"}, {"second"}]


def test_the_app_of_an_example_stands_after_its_stores() -> None:
    [app] = [group for group in groups_of(example_document("selfhost").resources) if group.name == "memory-app"]

    assert app.needs == {"memory-postgres", "memory-qdrant"}
