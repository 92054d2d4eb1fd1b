"""What an index does with vectors: stores a session's, and multiplies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from app.memory import bm25
from app.memory.bm25 import Vector


def session_vectors(turns: Sequence[Counter[int] | dict[int, int] | None]) -> tuple[list[Vector], Vector]:
    """Return the vectors of a session as the index stores them: of each turn's window, and of the whole."""
    windows = [bm25.window_vector(turns, at) for at in range(len(turns))]
    return windows, bm25.session_vector(turn for turn in turns if turn)


def dot(query: Mapping[int, float], vector: Mapping[int, float]) -> float:
    """Return the score an engine gives."""
    return sum(weight * vector.get(term, 0.0) for term, weight in query.items())
