"""The embedded engine: one Qdrant Edge shard in a folder, held by one process.

Beside the shard stands `state.json`: versions, database and the position in the change log
up to which the shard is known to be durable. Missing, strange or damaged: `position` is None, and the follower
empties the engine and fills it from PostgreSQL. The shard's own second-opener check breaks the first holder's
flush, so a lock of ours is taken before the shard is touched.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import qdrant_edge as edge

from app.errors import Conflict, IndexUnavailable
from app.index.engine import Point
from app.memory.analysis import ANALYSIS_VERSION
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.ranking import VECTORS_VERSION
from app.memory.types import Candidate, Filter

logger = logging.getLogger(__name__)

FORMAT = 2  # of points, payloads and the shard's files

_WINDOW, _SESSION, _DENSE = "window", "session", "dense"
_KEYWORDS = ("user", "project", "kind", "tags", "role", "conversation")
_VERSIONS = (FORMAT, VECTORS_VERSION, ANALYSIS_VERSION)  # others than the folder's: the index is built anew

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _State:
    format: int
    vectors: int
    analysis: int
    database: str
    position: int
    model: str | None = None  # whose vectors are in it, and how many numbers each has
    size: int | None = None

    @property
    def space(self) -> Space | None:
        return None if self.model is None or self.size is None else Space(self.model, self.size)


class EdgeEngine:
    """An open shard. `position` is where to follow the log from, or None when it must be filled first.

    Every call of the binding is made in one thread of the engine's own, in the order of the calls here.
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
        """Open the shard in a folder, made from this database. Raises Conflict when another process has it.

        space: whose vectors it holds beside the words; None for none.
        """
        engine = cls(folder, database, space)
        try:
            await engine._in_thread(engine._open)
        except BaseException:
            await engine.close()
            raise
        return engine

    def _open(self) -> None:
        self._lock = _hold(self._folder / "lock")
        state, reason = self._read_state()
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
        logger.info("the index in %s is built anew: %s", self._folder, reason)

    def _read_state(self) -> tuple[_State | None, str]:
        try:
            state = _State(**json.loads((self._folder / "state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None, "there is no index yet"
        except (ValueError, TypeError, OSError) as error:
            return None, f"its state file is damaged ({type(error).__name__})"
        if (state.format, state.vectors, state.analysis) != _VERSIONS:
            return None, "it has the format of another version"
        if state.database != self._database:
            return None, "it was made from another database"
        if self.space is not None and state.space != self.space:
            return None, "it lacks vectors of the embedding model"
        return state, ""

    async def empty(self, space: Space | None = None) -> None:
        """Throw everything away and begin with an empty shard, with room for the vectors of `space`."""
        self.space = space
        await self._in_thread(self._empty)

    def _empty(self) -> None:
        self._drop_shard()
        self.position = None
        with _broken("begin anew"):
            (self._folder / "state.json").unlink(missing_ok=True)
            shutil.rmtree(self._folder / "shard", ignore_errors=True)
            (self._folder / "shard").mkdir(parents=True)
            sparse = edge.EdgeSparseVectorParams
            shard = edge.EdgeShard.create(
                str(self._folder / "shard"),
                # No write-ahead log: what a crash loses since the last flush comes again from the change log.
                edge.EdgeConfig(
                    vectors={} if self.space is None else {_DENSE: _dense_params(self.space)},
                    sparse_vectors={_WINDOW: sparse(), _SESSION: sparse()},
                    wal_enabled=False,
                ),
            )
            for field in _KEYWORDS:
                shard.update(edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Keyword))
            shard.update(edge.UpdateOperation.create_field_index("at", edge.PayloadSchemaType.Float))
            self._shard = shard

    async def make_room(self, space: Space) -> None:
        """Make room for vectors in a shard that has none."""
        await self._in_thread(lambda: self._make_room(space))

    def _make_room(self, space: Space) -> None:
        with _broken("make room for vectors"):
            room = _dense_params(space)
            self._shard.update(
                edge.UpdateOperation.create_dense_vector(_DENSE, room.size, room.distance, None, room.datatype)
            )
        self.space = space

    def _drop_vectors(self) -> None:
        self._shard.update(edge.UpdateOperation.delete_vector_name(_DENSE))

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        """Write points and take points away."""
        await self._in_thread(lambda: self._apply(upserts, deletes))

    def _apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        with _broken("write"):
            if upserts:
                self._shard.update(edge.UpdateOperation.upsert_points([_to_edge(point) for point in upserts]))
            if deletes:
                self._shard.update(edge.UpdateOperation.delete_points(list(deletes)))

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the points with the best window scores and, where the query has a vector, the nearest to it."""
        return await self._in_thread(lambda: self._candidates(query))

    def _candidates(self, query: CandidateQuery) -> list[Candidate]:
        only = _filter(query.user, query.where)
        weights = query.weights
        windows = dict(self._nearest(_WINDOW, _sparse(weights), only, query.limit)) if weights else {}
        if query.dense is None:
            return [Candidate(id=id_, window_score=score) for id_, score in windows.items()]
        vector = list(query.dense)
        dense = dict(self._nearest(_DENSE, vector, only, query.limit))
        # The scores that the other search did not tell: a candidate has both, whichever found it.
        if without := windows.keys() - dense.keys():
            dense.update(self._nearest(_DENSE, vector, _one_of(without), len(without)))
        if weights and (without := dense.keys() - windows.keys()):
            windows.update(self._nearest(_WINDOW, _sparse(weights), _one_of(without), len(without)))
        return [Candidate(id_, windows.get(id_, 0.0), dense.get(id_)) for id_ in windows.keys() | dense.keys()]

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each session that has one of the terms."""

        def ask() -> list[tuple[UUID, float]]:
            only = edge.Filter(must=[_is("user", user), edge.HasIdCondition(set(sessions))])
            return self._nearest(_SESSION, _sparse(weights), only, len(sessions))

        return dict(await self._in_thread(ask))

    def _nearest(self, name: str, vector: Any, only: Any, limit: int) -> list[tuple[UUID, float]]:
        request = edge.QueryRequest(query=edge.Query.Nearest(vector, using=name), filter=only, limit=limit)
        with _broken("search"):
            return [(point.id, point.score) for point in self._shard.query(request)]

    async def count(self) -> int:
        """Return how many points there are."""
        return await self._in_thread(self._count)

    def _count(self) -> int:
        with _broken("count"):
            return int(self._shard.count(edge.CountRequest(exact=True)))

    async def checkpoint(self, position: int, seen: str | None = None) -> None:
        """Flush the shard, then note the position."""
        await self._in_thread(lambda: self._checkpoint(position))

    def _checkpoint(self, position: int) -> None:
        with _broken("flush"):
            self._shard.flush()
        model, size = (None, None) if self.space is None else (self.space.model, self.space.size)
        state = _State(*_VERSIONS, self._database, position, model, size)
        temporary = self._folder / "state.json.new"
        with _broken("save its position"):
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(asdict(state), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / "state.json")
        self.position = position

    async def close(self) -> None:
        """Let the shard and its lock go; idempotent."""
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
            with suppress(IndexUnavailable), _broken("close"):  # a broken one is thrown away or built anew
                shard.close()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


class _broken:  # in lower case: it reads as a statement
    """Turn whatever the binding raises into IndexUnavailable, with the operation it happened in.

    It raises bare Exception; a panic in Rust is a PanicException, which is no Exception and cannot be imported.
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


def _hold(path: Path) -> int:
    """Take the folder's lock. Raises Conflict when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(f"the index {path.parent} is in use by another process; stop that one first") from None
    return descriptor


def _to_edge(point: Point) -> Any:
    vectors: dict[str, Any] = {}
    if point.window:
        vectors[_WINDOW] = _sparse(point.window)
    if point.session:
        vectors[_SESSION] = _sparse(point.session)
    if point.dense:
        vectors[_DENSE] = _unpacked(point.dense)
    payload = point.payload
    return edge.Point(
        point.id,
        vectors,
        {
            "user": payload.user,
            "project": payload.project,
            "kind": payload.kind,
            "tags": payload.tags,
            "role": payload.role,
            "conversation": payload.conversation,
            "at": payload.at.timestamp(),
        },
    )


def _dense_params(space: Space) -> Any:
    # Unit vectors: their dot product is the cosine. 16-bit floats, as they are kept: half the memory.
    return edge.EdgeVectorParams(space.size, edge.Distance.Dot, datatype=edge.VectorStorageDatatype.Float16)


def _sparse(weights: dict[int, float]) -> Any:
    return edge.SparseVector(list(weights), list(weights.values()))


def _unpacked(kept: bytes) -> list[float]:
    from app.memory.vectors import unpack  # brings numpy, which a server without a model never loads

    return unpack(kept)


def _one_of(ids: Collection[UUID]) -> Any:
    return edge.Filter(must=[edge.HasIdCondition(set(ids))])


def _filter(user: str, where: Filter) -> Any:
    must = [_is("user", user)]
    if where.projects is not None:
        must.append(_any("project", where.projects))
    if where.kinds is not None:
        must.append(_any("kind", [str(kind) for kind in where.kinds]))
    must.extend(_is("tags", tag) for tag in where.tags or ())
    if where.role is not None:
        must.append(_is("role", where.role))
    if where.conversation_id is not None:
        must.append(_is("conversation", where.conversation_id))
    if where.since is not None or where.until is not None:
        since = where.since.timestamp() if where.since is not None else None
        until = where.until.timestamp() if where.until is not None else None
        must.append(edge.FieldCondition("at", range=edge.RangeFloat(gte=since, lt=until)))
    return edge.Filter(must=must)


def _is(field: str, value: str) -> Any:
    return edge.FieldCondition(field, match=edge.MatchValue(value))


def _any(field: str, values: Sequence[str]) -> Any:
    return edge.FieldCondition(field, match=edge.MatchAny(list(values)))
