"""Searches the index on a Qdrant server: the live collection, and the changes it does not have yet.

A search reads from PostgreSQL, as its user, which collection is live, up to where it is complete, and what the user
changed since. The process scores those sessions (`overlay`), Qdrant all others; so a search sees every write that
was acknowledged before it began, whatever the feeder does. While Qdrant does not answer, no search waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from app.errors import IndexUnavailable, StoreUnavailable
from app.index.collections import Collections, LiveCollection
from app.index.points import of_size
from app.index.qdrant.collection import QdrantCollection
from app.index.qdrant.overlay import Overlay
from app.index.qdrant.server import SEARCH_LIMIT_S, QdrantServer
from app.index.qdrant.shape import Shape
from app.memory.change_log import ChangeLog, Member
from app.memory.ports import CandidateQuery, IndexView
from app.memory.types import Candidate

logger = logging.getLogger(__name__)

_CHECK_AGAIN_S = 0.05
_WATCH_S = 5.0  # how often to check a server that answers
_OPENING_S = 1.5  # how long a start waits for the first check
_LAG_LIMIT = 100_000  # changes counted for the metrics

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """What a search does itself, and how long it waits.

    changes: the most of one user's changes that a search scores itself, some 0.1 s of work; members: the most memories
    in the sessions of those changes. patience_s: how many seconds a search waits for the feeder if there are more
    changes. answer_s: how many seconds the server may take for a search. watch_trouble_s: seconds between two checks of
    a server that does not answer.
    """

    changes: int = 5_000
    members: int = 20_000
    patience_s: float = 1.0
    answer_s: float = SEARCH_LIMIT_S
    watch_trouble_s: float = 0.5


LIMITS = SearchLimits()


class QdrantIndex:
    """Answers from the live collection. `problem` says in one line why it cannot now; None when it can."""

    def __init__(
        self, log: ChangeLog, collections: Collections, server: QdrantServer, *, limits: SearchLimits = LIMITS
    ) -> None:
        self._log, self._collections, self._server, self._limits = log, collections, server, limits
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.problem: str | None = "it is being opened"
        self.lag: tuple[int, float] = 0, 0.0  # as of the last check
        self.filling = None  # the feeder fills collections, in the process that runs it

    async def start(self) -> None:
        """Check the server, and start to watch it; wait in the background if it does not answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OPENING_S):
                await self._check()
        self._task = asyncio.create_task(self._watch(), name="index watch")

    async def stop(self) -> None:
        """Stop watching and close the connections; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._server.close()
        self.problem = "it is closed"

    async def wait_filled(self, timeout_s: float) -> None:
        """Return at once: no process waits for another one to fill the index."""

    def wake(self) -> None:
        """Do nothing: a view reads what the collection lacks, and the feeder has its own `wake`."""

    async def rebuild(self) -> None:
        await self._collections.ask_for_rebuild()

    async def view(self, user: str) -> IndexView:
        """Return a view of a user's memories as of now. Raises IndexUnavailable and StoreUnavailable."""
        if self.problem is not None:
            raise IndexUnavailable(f"the search index cannot answer: {self.problem}")
        live = await self._live(user)
        shape, limit_s = Shape.read(live.shape), self._limits.answer_s
        collection = QdrantCollection(self._server, live.name, shape, search_limit_s=limit_s)
        if not live.changed:
            return _View(self, self._log.model, collection, None)
        sessions = list({session for session, _ in live.changed})
        members = await self._log.members(sessions, user, self._limits.members + 1)
        if sum(map(len, members.values())) > self._limits.members:
            raise IndexUnavailable("the search index is behind by more changes than a search can score")
        vectors = await self._vectors(user, members, collection.shape)
        return _View(
            self, self._log.model, collection, await asyncio.to_thread(Overlay, live.changed, members, vectors)
        )

    async def _vectors(self, user: str, members: Mapping[UUID, Sequence[Member]], shape: Shape) -> Mapping[UUID, bytes]:
        """Return the members' vectors if the collection has vectors of the same model."""
        if shape.size is None or shape.model != self._log.model:
            return {}
        ids = [member.id for turns in members.values() for member in turns]
        return of_size(await self._log.vectors(ids, user), shape.size)

    async def _live(self, user: str) -> LiveCollection:
        """Return the live collection with the changes it lacks, once they are few enough."""
        deadline = time.monotonic() + self._limits.patience_s
        while True:
            live = await self._collections.seen_by(user, self._limits.changes)
            if live is None or live.log_is_short:
                raise IndexUnavailable(self._note_problem(_unfilled(live is not None)))
            if len(live.changed) <= self._limits.changes:
                return live
            if time.monotonic() > deadline:
                raise IndexUnavailable("the search index is behind and did not catch up in time")
            await asyncio.sleep(_CHECK_AGAIN_S)

    async def ask(self, question: Awaitable[T]) -> T:
        """Wait for the server's answer; after a failure no search asks it until a check succeeds."""
        try:
            return await question
        except IndexUnavailable as error:
            self._note_problem(str(error))
            raise

    def _note_problem(self, problem: str) -> str:
        if self.problem is None:
            logger.warning("searching without the index: %s", problem)
        self.problem = problem
        self._hurry.set()
        return problem

    async def count(self) -> int:
        """Return the number of points in the live collection. Raises IndexUnavailable and StoreUnavailable."""
        live = await self._collections.live()
        if live is None:
            raise IndexUnavailable(_unfilled(False))
        return await QdrantCollection(self._server, live.name, Shape.read(live.shape)).count(SEARCH_LIMIT_S)

    async def _watch(self) -> None:
        while True:
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_S if self.problem is None else self._limits.watch_trouble_s):
                    await self._hurry.wait()
            if self._hurry.is_set():
                await asyncio.sleep(self._limits.watch_trouble_s)
            await self._check()

    async def _check(self) -> None:
        """Check whether searches can be answered, and how far behind the collection is."""
        try:
            await self.count()
            self.lag = await self._collections.lag(_LAG_LIMIT)
        except IndexUnavailable as error:
            self._note_problem(str(error))
        except StoreUnavailable as error:
            logger.debug("cannot check the index: %s", error)  # the database reports its own state
        except Exception:  # last resort: without the watch an index that comes back would not be used
            logger.exception("checking the search index failed")
        else:
            if self.problem is not None:
                logger.info("the search index answers again")
            self.problem = None


class _View:
    """The index for one search: a collection and its overlay."""

    def __init__(
        self, index: QdrantIndex, model: str | None, collection: QdrantCollection, overlay: Overlay | None
    ) -> None:
        self._index, self._model, self._collection, self._overlay = index, model, collection, overlay

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> None:
        """Return None: PostgreSQL counts."""

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score and, if the query has a vector, those nearest to it."""
        shape, overlay = self._collection.shape, self._overlay
        if query.dense is not None and (shape.size != len(query.dense) or shape.model != self._model):
            query = replace(query, dense=None)  # there are no vectors yet, or the model has changed
        candidates = await self._index.ask(self._collection.candidates(query, overlay.replaced if overlay else ()))
        return _best(candidates + overlay.candidates(query), query.limit) if overlay else candidates


def _best(candidates: Sequence[Candidate], limit: int) -> list[Candidate]:
    """Return the best by window score and the nearest by vector, at most `limit` of each."""
    windows = sorted((c for c in candidates if c.window_score), key=lambda c: -c.window_score)[:limit]
    dense = sorted((c for c in candidates if c.dense_score is not None), key=lambda c: -(c.dense_score or 0))
    return list({c.id: c for c in (*windows, *dense[:limit])}.values())


def _unfilled(exists: bool) -> str:
    if exists:
        return "the collection is too far behind the change log; a running `claude-memory worker` refills it"
    return "there is no collection yet; `claude-memory init`, or a running `claude-memory worker`, fills one"
