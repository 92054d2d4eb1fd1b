"""Points of an engine, and what it finds of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.index.engine import Engine, Payload, Point
from app.index.qdrant.collection import QdrantCollection
from app.memory.ports import CandidateQuery
from app.memory.types import Filter

NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)


def point(
    number: int = 1,
    *,
    window: dict[int, float] | None = None,
    dense: bytes | None = None,
    **payload: Any,
) -> Point:
    """Return a note of alice, unless something else is said."""
    values: dict[str, Any] = {
        "user": "alice",
        "project": "",
        "kind": "note",
        "tags": [],
        "role": None,
        "conversation": None,
        "at": NOON,
        **payload,
    }
    return Point(id=UUID(int=number), payload=Payload(**values), window=window or {}, dense=dense)


async def found(
    engine: Engine | QdrantCollection,
    weights: dict[int, float],
    where: Filter | None = None,
    user: str = "alice",
    limit: int = 10,
) -> dict[int, float]:
    """Return the window scores of what is found, by the points' numbers."""
    query = CandidateQuery(user=user, weights=weights, where=where or Filter(), limit=limit)
    return {one.id.int: round(one.window_score, 4) for one in await engine.candidates(query)}


async def both_scores(
    engine: Engine | QdrantCollection,
    dense: tuple[float, ...] | None,
    weights: dict[int, float] | None = None,
    limit: int = 10,
    **where: Any,
) -> dict[int, tuple[float, float | None]]:
    """Return window and dense scores of what is found, by the points' numbers; asks for term 7 unless told."""
    asked = {7: 1.0} if weights is None else weights
    query = CandidateQuery(user="alice", weights=asked, where=Filter(**where), limit=limit, dense=dense)
    return {
        one.id.int: (round(one.window_score, 3), None if one.dense_score is None else round(one.dense_score, 3))
        for one in await engine.candidates(query)
    }
