"""One collection of a Qdrant server as an engine: writes points to it and searches it."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from qdrant_client import models

from app.index.engine import Deleted, Point
from app.index.qdrant.convert import point_struct, query_request
from app.index.qdrant.fields import traits_of
from app.index.qdrant.searches import CandidateSearch, Found, VectorSearch
from app.index.qdrant.server import SEARCH_LIMIT_S, WRITE_LIMIT_S, Call, QdrantServer
from app.index.qdrant.shape import Shape
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate

_SEARCH_TRIES = 2  # the server may have closed a pooled connection

_FLOAT32 = struct.Struct("<f")


class QdrantCollection:
    """One collection of a server."""

    def __init__(
        self, server: QdrantServer, name: str, shape: Shape, *, search_limit_s: float = SEARCH_LIMIT_S
    ) -> None:
        """search_limit_s: how long a search may take."""
        self.server, self.name, self.shape = server, name, shape
        self._search_limit_s = search_limit_s

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[Deleted]) -> None:
        """Write and delete points; return when searches see the changes."""
        by_key: dict[str | None, list[models.PointStruct]] = {}
        for point in upserts:
            by_key.setdefault(self.shape.key_of(point.payload.user), []).append(point_struct(point))
        for key, points in by_key.items():
            await self._write(
                lambda qdrant, key=key, points=points: qdrant.upsert(  # type: ignore[misc]
                    self.name, points, wait=True, shard_key_selector=key
                )
            )
        if deletes:
            deleted = models.PointIdsList(points=[str(gone.id) for gone in deletes])
            keys = self.shape.all_keys() or None
            await self._write(lambda qdrant: qdrant.delete(self.name, deleted, wait=True, shard_key_selector=keys))

    async def _write(self, make: Call[Any]) -> None:
        await self.server.call(make, WRITE_LIMIT_S, self.server.tries)

    async def candidates(self, query: CandidateQuery, without: Collection[UUID] = ()) -> list[Candidate]:
        """Return the points with the best window scores and, if the query has a vector, those nearest to it.

        without: points to leave out.
        """
        search = CandidateSearch(query, without)
        for step in (search.first, search.second):
            searches = step()
            search.add(searches, await self._found(query.user, searches))
        return search.candidates()

    async def _found(self, user: str, searches: Sequence[VectorSearch]) -> list[Found]:
        """Return what each search finds, best first; one call for all searches."""
        if not searches:
            return []
        key = self.shape.key_of(user)
        requests = [query_request(search, key) for search in searches]
        answers = await self.server.call(
            lambda qdrant: qdrant.query_batch_points(self.name, requests), self._search_limit_s, _SEARCH_TRIES
        )
        return [_points(answer.points) for answer in answers]

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> None:
        """Return None: a server counts over one shard and all users, so PostgreSQL counts."""

    async def count(self, limit_s: float = WRITE_LIMIT_S) -> int:
        """Return the number of points."""
        answer = await self.server.call(lambda qdrant: qdrant.count(self.name, exact=True), limit_s, _SEARCH_TRIES)
        return int(answer.count)


def _points(points: Sequence[Any]) -> Found:
    found: Found = {}
    for point in points:
        id_ = UUID(str(point.id))
        found[id_] = (_as_float32(point.score), traits_of(id_, point.payload))
    return found


def _as_float32(score: float) -> float:
    """Return the exact 32-bit float: the server sends only the digits that distinguish it from its neighbours."""
    (exact,) = _FLOAT32.unpack(_FLOAT32.pack(score))
    return float(exact)
