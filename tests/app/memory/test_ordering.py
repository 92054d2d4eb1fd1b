"""Ordering arrays of whole numbers: as a stable sort does, whether or not keys and places fit in 64 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.memory.ordering import begins, order_of, ranges


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1))))
def test_equal_keys_keep_their_order(keys: list[int]) -> None:
    ordered, places = order_of(np.array(keys, "u8"))

    assert places.tolist() == sorted(range(len(keys)), key=keys.__getitem__)
    assert ordered.tolist() == sorted(keys)


@given(st.lists(st.integers(0, 5)))
def test_distinct_values_begin_where_the_one_before_ends(values: list[int]) -> None:
    values.sort()

    assert begins(np.array(values, "u8")).tolist() == [*(values.index(one) for one in sorted(set(values))), len(values)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4))))
def test_ranges_follow_each_other(wanted: list[tuple[int, int]]) -> None:
    starts, lengths = (np.array([pair[side] for pair in wanted], "i8") for side in (0, 1))

    assert ranges(starts, lengths).tolist() == [
        place for start, length in wanted for place in range(start, start + length)
    ]
