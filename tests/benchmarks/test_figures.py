"""The arithmetic the tables rest on."""

from __future__ import annotations

import pytest

from benchmarks.figures import median_difference, median_ratio, percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([7], 95, 7, id="one value"),
        pytest.param([3, 1, 2], 50, 2, id="unsorted"),
        pytest.param([1, 2, 3, 4], 50, 2.5, id="between two"),
        pytest.param([0, 10], 95, 9.5, id="by distance"),
        pytest.param([1, 2, 3], 0, 1, id="smallest"),
        pytest.param([1, 2, 3], 100, 3, id="largest"),
    ],
)
def test_a_percentile_lies_between_its_two_neighbours(values: list[int], percent: int, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


def test_no_percentile_of_nothing_or_beyond_all() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)
    with pytest.raises(ValueError, match="got 101"):
        percentile([1], 101)


def test_what_slows_a_whole_round_down_cancels_out() -> None:
    ours, reference = [5, 25, 6], [3, 23, 4]  # the second round met a busy machine

    assert median_difference(ours, reference) == 2
    assert median_ratio([8, 2, 9], [10, 2.5, 10]) == pytest.approx(0.8)


def test_rounds_that_were_not_measured_together_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        median_difference([1, 2], [1])
