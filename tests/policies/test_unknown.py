"""Unknown values: reading one stops a rule, reading around one does not."""

from __future__ import annotations

import pytest

from policies.unknown import UNKNOWN, NotKnown, elements, entries, is_known, look


def test_a_path_leads_to_what_is_there() -> None:
    assert look({"a": [{"b": 1}]}, "a", 0, "b") == 1


@pytest.mark.parametrize("path", [("x",), ("a", 5), ("a", 0, "x"), ("a", "x")])
def test_what_is_not_there_is_the_default(path: tuple[str | int, ...]) -> None:
    assert look({"a": [{"b": 1}]}, *path, default="none") == "none"


@pytest.mark.parametrize("value", [UNKNOWN, {"a": UNKNOWN}, {"a": [UNKNOWN]}, {"a": [{"b": UNKNOWN}]}])
def test_an_unknown_value_on_the_way_or_inside_stops(value: object) -> None:
    with pytest.raises(NotKnown):
        look(value, "a")


def test_an_unknown_value_beside_the_path_does_not_stop() -> None:
    assert look({"a": 1, "b": UNKNOWN}, "a") == 1


def test_known_elements_and_all_entries_can_be_read() -> None:
    assert elements([1, UNKNOWN, 2]) == [1, 2]
    assert elements(UNKNOWN) == elements(None) == []
    assert entries({"a": UNKNOWN}) == {"a": UNKNOWN}
    assert entries(UNKNOWN) == entries(None) == {}


def test_a_value_is_known_in_all_its_parts_or_not() -> None:
    assert is_known({"a": ["b", 1, None]})
    assert not is_known({"a": ["b", UNKNOWN]})
