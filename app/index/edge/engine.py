"""The embedded engine: one Qdrant Edge shard in a folder, held by one process.

If the state beside it (`app/index/edge/state.py`) is missing, foreign or damaged, `position` is None, and the
follower empties the engine and fills it from PostgreSQL. The shard's own check for a second process breaks the first
one's flush, so our own lock comes before anything touches the shard.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import qdrant_edge as edge

from app.errors import IndexUnavailable
from app.index.edge.convert import INDEXES, dense_params, edge_point, query_request, shard_config
from app.index.edge.state import ShardState, hold, read_state, state_file, write_state
from app.index.engine import DENSE, Point
from app.index.searches import CandidateSearch, Scores, VectorSearch, session_search
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate

logger = logging.getLogger(__name__)

T = TypeVar("T")


class EdgeEngine:
    """An open shard. `position` is where to follow the log from, or None if it must be filled first.

    Every call to the binding runs in the engine's one thread, in the order of the calls here.
    """

    checkpoint_every_s = 5.0  # a crash replays at most this much of the log

    def __init__(self, folder: Path, database: UUID, space: Space | None) -> None:
        """Use `open`."""
        self.space = space
        self._folder = folder
        self._database = str(database)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._closed = False
        self._lock: int | None = None
        self._shard: Any = None
        self.position: int | None = None
        self.rebuild_reason: str | None = None

    @classmethod
    async def open(cls, folder: Path, database: UUID, space: Space | None = None) -> Self:
        """Open the shard in a folder, made from this database. Raises Conflict when another process has it open.

        space: the vectors it holds besides the words; None for none.
        """
        engine = cls(folder, database, space)
        try:
            await engine._in_thread(engine._open)
        except BaseException:
            await engine.close()
            raise
        return engine

    def _open(self) -> None:
        self._lock = hold(self._folder)
        state, reason = read_state(self._folder, self._database, self.space)
        if state is not None:
            try:
                with _broken("load"):
                    self._shard = edge.EdgeShard.load(str(self._folder / "shard"))
                    if state.space is not None and self.space is None:
                        self._drop_vectors()
                self.position = state.position
                return
            except IndexUnavailable as error:
                reason = f"the shard cannot be loaded ({type(error.__cause__).__name__})"
        self.rebuild_reason = reason
        logger.info("rebuilding the index in %s: %s", self._folder, reason)

    async def empty(self, space: Space | None = None) -> None:
        """Delete everything and start with an empty shard that has room for the vectors of `space`."""
        self.space = space
        await self._in_thread(self._empty)

    def _empty(self) -> None:
        self._drop_shard()
        self.position = None
        with _broken("start empty"):
            state_file(self._folder).unlink(missing_ok=True)
            shutil.rmtree(self._folder / "shard", ignore_errors=True)
            (self._folder / "shard").mkdir(parents=True)
            shard = edge.EdgeShard.create(str(self._folder / "shard"), shard_config(self.space))
            for field, kind in INDEXES.items():
                shard.update(edge.UpdateOperation.create_field_index(field, kind))
            self._shard = shard

    async def make_room(self, space: Space) -> None:
        """Make room for vectors in a shard that has none."""
        await self._in_thread(lambda: self._make_room(space))

    def _make_room(self, space: Space) -> None:
        with _broken("make room for vectors"):
            room = dense_params(space)
            self._shard.update(
                edge.UpdateOperation.create_dense_vector(DENSE, room.size, room.distance, None, room.datatype)
            )
        self.space = space

    def _drop_vectors(self) -> None:
        self._shard.update(edge.UpdateOperation.delete_vector_name(DENSE))

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        """Write and delete points."""
        await self._in_thread(lambda: self._apply(upserts, deletes))

    def _apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        with _broken("write"):
            if upserts:
                self._shard.update(edge.UpdateOperation.upsert_points([edge_point(point) for point in upserts]))
            if deletes:
                self._shard.update(edge.UpdateOperation.delete_points(list(deletes)))

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the points with the best window scores and, if the query has a vector, those nearest to it."""
        return await self._in_thread(lambda: self._candidates(query))

    def _candidates(self, query: CandidateQuery) -> list[Candidate]:
        search = CandidateSearch(query)
        for step in (search.first, search.second):
            searches = step()
            search.add(searches, map(self._scores, searches))
        return search.candidates()

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each session that has one of the terms."""
        return await self._in_thread(lambda: self._scores(session_search(user, weights, sessions)))

    def _scores(self, search: VectorSearch) -> Scores:
        request = query_request(search)
        with _broken("search"):
            return {point.id: point.score for point in self._shard.query(request)}

    async def count(self) -> int:
        """Return the number of points."""
        return await self._in_thread(self._count)

    def _count(self) -> int:
        with _broken("count"):
            return int(self._shard.count(edge.CountRequest(exact=True)))

    async def checkpoint(self, position: int, seen: str | None = None) -> None:
        """Flush the shard, then save the position."""
        await self._in_thread(lambda: self._checkpoint(position))

    def _checkpoint(self, position: int) -> None:
        with _broken("flush"):
            self._shard.flush()
        with _broken("save its position"):
            write_state(self._folder, ShardState.at(position, self._database, self.space))
        self.position = position

    async def close(self) -> None:
        """Close the shard and release its lock; idempotent."""
        if not self._closed:
            self._closed = True
            await self._in_thread(self._close)
            self._thread.shutdown(wait=False)

    def _close(self) -> None:
        self._drop_shard()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _drop_shard(self) -> None:
        shard, self._shard = self._shard, None
        if shard is not None:
            with suppress(IndexUnavailable), _broken("close"):  # a broken one is deleted or rebuilt
                shard.close()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


class _broken:  # in lower case, because it reads as a statement
    """Turn any error of the binding into IndexUnavailable that names the operation.

    The binding raises bare Exception; a panic in Rust is a PanicException, not an Exception, and cannot be imported.
    """

    def __init__(self, operation: str) -> None:
        self._operation = operation

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise IndexUnavailable(
                f"the search index failed to {self._operation} ({type(error).__name__}); it will be rebuilt"
            ) from error
