"""A JSON object with a broken place: the parts around the place are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.ops.importing.damage import before_damage, without_damage

DECODER = json.JSONDecoder(strict=False)


def broken(text: str) -> tuple[str, int]:
    """Return a text and where its parser stops."""
    with pytest.raises(json.JSONDecodeError) as error:
        DECODER.raw_decode(text)
    return text, error.value.pos


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        pytest.param(
            '{"id": 1, "all": [{"a": 1, "b": 1}, {"a": x, "b": 2}, {"a": 3, "b": 3}]}',
            {"id": 1, "all": [{"a": 1, "b": 1}, {"a": 3, "b": 3}]},
            id="a member of an array",
        ),
        pytest.param(
            '{"all": {"p": {"id": 1}, "q": {"id": x}, "r": {"id": 3}}, "last": "r"}',
            {"all": {"p": {"id": 1}, "r": {"id": 3}}, "last": "r"},
            id="a member of an object",
        ),
        pytest.param('{"a": 1, "b": x, "c": 3}', {"a": 1, "c": 3}, id="a value of its own"),
    ],
)
def test_the_part_with_the_broken_place_is_left_out(text: str, whole: dict[str, Any]) -> None:
    assert without_damage(*broken(text), DECODER) == whole


def test_nothing_is_put_together_that_does_not_end_where_the_text_ends() -> None:
    assert without_damage(*broken('{"a": {"id": 1, "x": y}, "id": 2} and more'), DECODER) is None


def test_what_comes_before_the_place_is_kept() -> None:
    assert before_damage(*broken('{"id": 1, "all": [{"a": 1}, {"a": 2, "b": "ha'), DECODER) == {
        "id": 1,
        "all": [{"a": 1}, {"a": 2}],
    }


def test_nothing_is_left_of_an_object_that_breaks_at_its_beginning() -> None:
    assert before_damage(*broken('{"id'), DECODER) is None
