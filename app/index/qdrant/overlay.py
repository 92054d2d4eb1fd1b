"""Scores, in the process, the sessions that changed since an engine was up to date, as the engine would.

So a search on a server sees every write, however far behind the server is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import mul
from uuid import UUID

from app.index.points import session_points
from app.index.qdrant.fields import fields_of
from app.index.qdrant.filters import conditions, passes
from app.memory.change_log import Member
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate


class Overlay:
    """The present points of some sessions. They replace an engine's results for the ids in `replaced`."""

    def __init__(
        self,
        changed: Sequence[tuple[UUID, UUID]],
        members: Mapping[UUID, Sequence[Member]],
        vectors: Mapping[UUID, bytes],
    ) -> None:
        """changed: (session, memory) of each change. members: the live memories of those sessions, read later.

        vectors: the members' vectors, all of the engine's size.
        """
        self._points = [point for turns in members.values() for point in session_points(turns, None, vectors)]
        self.replaced = frozenset(point.id for point in self._points).union(*changed)

    def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return all points that pass the query's filter and have one of its terms or, if it has a vector, a vector."""
        candidates = []
        must = conditions(query.user, query.where)
        for point in self._points:
            if not passes(fields_of(point.payload), must):
                continue
            window = _dot(query.weights, point.window)
            dense = _dense_dot(query.dense, point.dense)
            if window is not None or dense is not None:
                candidates.append(Candidate(point.id, window or 0.0, dense, point.payload.traits(point.id)))
        return candidates


def _dot(weights: Mapping[int, float], vector: Mapping[int, float] | None) -> float | None:
    """Return the product of two sparse vectors; None without a common term, because engines then find nothing."""
    common = weights.keys() & (vector or {}).keys()
    return sum(weights[term] * vector[term] for term in common) if vector and common else None


def _dense_dot(query: Sequence[float] | None, packed: bytes | None) -> float | None:
    if query is None or packed is None:
        return None
    from app.memory.vectors import unpack  # imports numpy, which a server without a model never loads

    return float(sum(map(mul, query, unpack(packed))))
