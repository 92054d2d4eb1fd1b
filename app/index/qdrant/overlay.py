"""Scores sessions that changed since an engine was level with the log, in the process, as the engine would.

So a search on a server sees every write, however far behind the server is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import mul
from uuid import UUID

from app.index.filters import conditions, passes
from app.index.points import session_points
from app.memory.change_log import Member
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate


class Overlay:
    """The present points of some sessions; what an engine says of `replaced` points does not count."""

    def __init__(
        self,
        changed: Sequence[tuple[UUID, UUID]],
        members: Mapping[UUID, Sequence[Member]],
        vectors: Mapping[UUID, bytes],
    ) -> None:
        """changed: (session, memory) of each change. members: the live memories of those sessions, read later.

        vectors: those of the members, all of the size the engine's have.
        """
        self._points = [
            point for session, its in members.items() for point in session_points(session, its, None, vectors)
        ]
        self.sessions = frozenset(session for session, _ in changed)
        self.replaced = self.sessions.union((memory for _, memory in changed), (point.id for point in self._points))

    def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return all points that pass the query's filter and have a term of it or, where it has one too, a vector."""
        found = []
        must = conditions(query.user, query.where)
        for point in self._points:
            if not passes(point.payload.fields(), must):
                continue
            window = _dot(query.weights, point.window)
            dense = _dense_dot(query.dense, point.dense)
            if window is not None or dense is not None:
                found.append(Candidate(point.id, window or 0.0, dense))
        return found

    def session_scores(self, user: str, weights: Mapping[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each of those sessions that is here and has one of the terms."""
        wanted = self.sessions.intersection(sessions)
        return {
            point.id: score
            for point in self._points
            if point.id in wanted and point.payload.user == user
            if (score := _dot(weights, point.session)) is not None
        }


def _dot(weights: Mapping[int, float], vector: Mapping[int, float] | None) -> float | None:
    """Return the product of two sparse vectors; None where they have no term in common, as engines find nothing."""
    common = weights.keys() & (vector or {}).keys()
    return sum(weights[term] * vector[term] for term in common) if vector and common else None


def _dense_dot(asked: Sequence[float] | None, kept: bytes | None) -> float | None:
    if asked is None or kept is None:
        return None
    from app.memory.vectors import unpack  # brings numpy, which a server without a model never loads

    return float(sum(map(mul, asked, unpack(kept))))
