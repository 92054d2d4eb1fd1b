"""Vectors as they are kept, and a turn's mixed with those of its neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import vectors
from app.memory.bm25 import NEIGHBOURS
from app.memory.vectors import mixed, pack, size_of, unpack

RIGHT, UP, FAR = pack([1.0, 0.0, 0.0]), pack([0.0, 1.0, 0.0]), pack([0.0, 0.0, 1.0])


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=64).filter(lambda numbers: math.hypot(*numbers) > 0.1))
def test_a_unit_vector_is_kept_in_two_bytes_a_number_and_points_the_same_way(numbers: list[float]) -> None:
    unit = [number / math.hypot(*numbers) for number in numbers]
    kept = pack(unit)

    assert (len(kept), size_of(kept)) == (2 * len(unit), len(unit))
    assert cosine(unpack(kept), unit) > 0.9999


@pytest.mark.parametrize(
    ("turns", "weights"),
    [
        pytest.param([RIGHT], (1, 0, 0), id="alone"),
        pytest.param([UP, RIGHT], (1, 0.5, 0), id="the one before"),
        pytest.param([FAR, UP, RIGHT], (1, 0.5, 0.3), id="two before"),
        pytest.param([FAR, None, RIGHT], (1, 0, 0.3), id="one before is gone"),
        pytest.param([UP, FAR, FAR, RIGHT], (1, 0, 0.8), id="no further than two"),
    ],
)
def test_those_before_count_half_and_less(turns: list[Any], weights: tuple[Any, ...]) -> None:
    found = unpack(mixed(turns, len(turns) - 1) or b"")

    assert math.hypot(*found) == pytest.approx(1, abs=0.001)
    assert found == pytest.approx([one / math.hypot(*weights) for one in weights], abs=0.001)


def test_those_after_count_less_than_those_before() -> None:
    found = unpack(mixed([RIGHT, UP, FAR], 0) or b"")

    assert found == pytest.approx([one / math.hypot(1, 0.4, 0.2) for one in (1, 0.4, 0.2)], abs=0.001)


def test_a_turn_without_a_vector_gets_none_from_its_neighbours() -> None:
    assert mixed([RIGHT, None, UP], 1) is None


def test_neighbours_that_cancel_a_turn_out_leave_it_as_it_is() -> None:
    assert mixed([pack([-2.0, 0.0, 0.0]), RIGHT], 1) == RIGHT


def test_no_more_neighbours_are_mixed_in_than_a_change_re_weighs() -> None:
    assert max(len(vectors.BEFORE), len(vectors.AFTER)) <= NEIGHBOURS
