"""The shapes of texts are what they say, and the work on each grows with its length and no faster."""

from __future__ import annotations

import json

import pytest

from app.memory.analysis import analyse
from app.memory.earlier_analysis import terms_of
from app.memory.folding import composed, folded
from app.memory.texts import cut
from benchmarks.shapes import PLACES, RAW, UNITS, raw, shape, unit_text
from tests.support.growth import LINEAR, growth


def _read(text: str) -> None:
    composed(text)
    folded(text)
    terms_of(text)
    analyse(text)
    cut(text, 1_000)


@pytest.mark.parametrize("unit", UNITS)
def test_work_on_a_text_grows_with_its_length(unit: str) -> None:
    assert growth(_read, lambda characters: unit_text(unit, characters), 2_000) < LINEAR


@pytest.mark.parametrize("place", PLACES)
def test_a_shape_is_a_call_of_a_tool(place: str) -> None:
    made = shape("prose", place)

    assert json.loads(made.body)["params"]["arguments"]
    assert made.characters > 100


def test_every_unit_has_the_length_that_is_asked_for() -> None:
    assert {len(unit_text(unit, 501)) for unit in UNITS} == {501}
    assert all(len(raw(name).body) > 10_000 for name in ("a completion", "an address of a resource"))
    assert RAW
