"""The arithmetic of the benchmarks: medians, percentiles, differences and ratios of interleaved runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["median", "median_difference", "median_ratio", "percentile", "spread"]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of the values lie, interpolated between two neighbours.

    Raises ValueError without values, or for a percentage outside 0 to 100.
    """
    if not values:
        raise ValueError("percentile of no values")
    if not 0 <= percent <= 100:
        raise ValueError(f"percent: got {percent}, takes 0 to 100")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_difference(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of ours − reference, round by round, so that what slows a whole round cancels out."""
    return median(a - b for a, b in zip(ours, reference, strict=True))


def median_ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of ours / reference, round by round."""
    return median(a / b for a, b in zip(ours, reference, strict=True))


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and the largest value."""
    return min(values), max(values)
