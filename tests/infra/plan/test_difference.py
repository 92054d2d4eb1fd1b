"""Differences between plans: resources by name, inputs by path."""

from __future__ import annotations

from infra.plan.difference import Changed, difference
from tests.support.plans import boat, fleet


def test_a_plan_does_not_differ_from_itself_in_another_order() -> None:
    found = difference(fleet(), list(reversed(fleet())))

    assert found.is_empty
    assert found.summary == "no changes"


def test_what_only_one_of_both_has_is_added_or_removed() -> None:
    found = difference([boat("old"), boat("same")], [boat("same"), boat("new")])

    assert [one.name for one in found.added] == ["new"]
    assert [one.name for one in found.removed] == ["old"]
    assert found.summary == "1 added, 0 changed, 1 removed"


def test_changed_inputs_are_named_by_their_path() -> None:
    before = boat("one", sails=2, crew=[{"name": "Ann"}, {"name": "Bo"}], flag="red")
    after = boat("one", sails=3, crew=[{"name": "Ann"}, {"name": "Cy"}], motor={"power": 4})

    assert difference([before], [after]).changed[before.key] == [
        Changed(path="crew[1].name", before="Bo", after="Cy"),
        Changed(path="flag", before="red", after="nothing"),
        Changed(path="motor", before="nothing", after="power=4"),
        Changed(path="sails", before="2", after="3"),
    ]


def test_a_list_of_another_length_is_one_change() -> None:
    [change] = difference([boat("one", crew=["Ann"])], [boat("one", crew=["Ann", "Bo"])]).changed[boat("one").key]

    assert (change.path, change.before, change.after) == ("crew", "Ann", "Ann Bo")


def test_the_same_name_with_another_type_is_another_resource() -> None:
    [harbour] = [one for one in fleet() if one.type == "sea:index:Pier"]

    assert difference([harbour], [boat(harbour.name)]).summary == "1 added, 0 changed, 1 removed"
