"""What an index does with vectors: stores those of a session's turns, and multiplies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from app.memory import bm25
from app.memory.bm25 import Vector


def window_vectors(
    turns: Sequence[Counter[int] | dict[int, int] | None], asks: Sequence[bool] | None = None
) -> list[Vector]:
    """Return the vectors of a session's turns as the index stores them. asks: by default, no turn does."""
    return [bm25.window_vector(turns, asks or [False] * len(turns), at) for at in range(len(turns))]


def dot(query: Mapping[int, float], vector: Mapping[int, float]) -> float:
    """Return the score an engine gives."""
    return sum(weight * vector.get(term, 0.0) for term, weight in query.items())
