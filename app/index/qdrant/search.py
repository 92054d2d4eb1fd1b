"""The index on a Qdrant server as the domain sees it: the live collection, and what it does not have yet.

A search reads in PostgreSQL, as its user, which collection is live, up to where it is complete, and what the user
changed since. Those sessions are scored in the process (`overlay`), all else by Qdrant; so a search sees every write
that was answered before it began, whatever the feeder does. While Qdrant is away no search waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
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

_CHANGES = 5_000  # of one user that a search scores by itself; some 0.1 s of work
_MEMBERS = 20_000  # memories of the sessions those are in
_PATIENCE_S = 1.0  # how long a search waits for the feeder when there are more
_LOOK_AGAIN_S = 0.05
_WATCH_S, _WATCH_TROUBLE_S = 5.0, 0.5  # how often the server is looked at
_OPENING_S = 1.5  # what a start waits for the first look
_LAG_LIMIT = 100_000  # changes counted for the metrics

T = TypeVar("T")


class QdrantIndex:
    """Answers from the live collection. `problem` is why it cannot now, in one line; None when it can."""

    def __init__(self, log: ChangeLog, collections: Collections, server: QdrantServer) -> None:
        self._log, self._collections, self._server = log, collections, server
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.problem: str | None = "it is being opened"
        self.lag: tuple[int, float] = 0, 0.0  # as of the last look
        self.filling = None  # the feeder fills collections, in whichever process that runs

    async def start(self) -> None:
        """Look at the server, and begin to watch it; one that is away is waited for in the background."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OPENING_S):
                await self._look()
        self._task = asyncio.create_task(self._watch(), name="index watch")

    async def stop(self) -> None:
        """Watch no more and close the connections; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._server.close()
        self.problem = "it is closed"

    async def wait_filled(self, timeout_s: float) -> None:
        """Return at once: no process waits for what another one may be filling."""

    def wake(self) -> None:
        """Nothing to do: a view reads what the collection lacks, and the feeder is woken for itself."""

    async def rebuild(self) -> None:
        await self._collections.ask_for_rebuild()

    async def view(self, user: str) -> IndexView:
        """Return what is known of a user's memories at this moment. Raises IndexUnavailable and StoreUnavailable."""
        if self.problem is not None:
            raise IndexUnavailable(f"the search index cannot answer: {self.problem}")
        live = await self._live(user)
        collection = QdrantCollection(self._server, live.name, Shape.read(live.shape))
        if not live.changed:
            return _View(self, self._log.model, collection, None)
        sessions = list({session for session, _ in live.changed})
        members = await self._log.members(sessions, user, _MEMBERS + 1)
        if sum(map(len, members.values())) > _MEMBERS:
            raise IndexUnavailable("the search index is behind by more than a search can make up for")
        vectors = await self._vectors(user, members, collection.shape)
        return _View(
            self, self._log.model, collection, await asyncio.to_thread(Overlay, live.changed, members, vectors)
        )

    async def _vectors(self, user: str, members: Mapping[UUID, Sequence[Member]], shape: Shape) -> Mapping[UUID, bytes]:
        """Return the members' vectors, where the collection has such."""
        if shape.size is None or shape.model != self._log.model:
            return {}
        ids = [member.id for its in members.values() for member in its]
        return of_size(await self._log.vectors(ids, user), shape.size)

    async def _live(self, user: str) -> LiveCollection:
        """Return the live collection with what it lacks, once that is little enough."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            live = await self._collections.seen_by(user, _CHANGES)
            if live is None or live.log_is_short:
                raise IndexUnavailable(self._trouble(_unfilled(live is not None)))
            if len(live.changed) <= _CHANGES:
                return live
            if time.monotonic() > deadline:
                raise IndexUnavailable("the search index is behind and did not catch up in time")
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def ask(self, question: Awaitable[T]) -> T:
        """Wait for an answer of the server; when there is none, no search asks it until it was seen to answer."""
        try:
            return await question
        except IndexUnavailable as error:
            self._trouble(str(error))
            raise

    def _trouble(self, problem: str) -> str:
        if self.problem is None:
            logger.warning("searching without the index: %s", problem)
        self.problem = problem
        self._hurry.set()
        return problem

    async def count(self) -> int:
        """Return how many points the live collection holds. Raises IndexUnavailable and StoreUnavailable."""
        live = await self._collections.live()
        if live is None:
            raise IndexUnavailable(_unfilled(False))
        return await QdrantCollection(self._server, live.name, Shape.read(live.shape)).count(SEARCH_LIMIT_S)

    async def _watch(self) -> None:
        while True:
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_S if self.problem is None else _WATCH_TROUBLE_S):
                    await self._hurry.wait()
            if self._hurry.is_set():
                await asyncio.sleep(_WATCH_TROUBLE_S)
            await self._look()

    async def _look(self) -> None:
        """Find out whether searches can be answered, and how far behind the collection is."""
        try:
            await self.count()
            self.lag = await self._collections.lag(_LAG_LIMIT)
        except IndexUnavailable as error:
            self._trouble(str(error))
        except StoreUnavailable as error:
            logger.debug("cannot look at the index: %s", error)  # the database's own state says so
        except Exception:  # the last line: without the watch an index that comes back would not be used
            logger.exception("looking at the search index")
        else:
            if self.problem is not None:
                logger.info("the search index answers")
            self.problem = None


class _View:
    """What one search asks."""

    def __init__(
        self, index: QdrantIndex, model: str | None, collection: QdrantCollection, overlay: Overlay | None
    ) -> None:
        self._index, self._model, self._collection, self._overlay = index, model, collection, overlay

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score, and those nearest to the vector where the query has one."""
        shape, overlay = self._collection.shape, self._overlay
        if query.dense is not None and (shape.size != len(query.dense) or shape.model != self._model):
            query = replace(query, dense=None)  # the first vectors are not there yet, or the model has changed
        found = await self._index.ask(self._collection.candidates(query, overlay.replaced if overlay else ()))
        return _best(found + overlay.candidates(query), query.limit) if overlay else found

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each session that has one of the terms."""
        overlay = self._overlay
        settled = [session for session in sessions if overlay is None or session not in overlay.sessions]
        scores = await self._index.ask(self._collection.session_scores(user, weights, settled)) if settled else {}
        return scores | overlay.session_scores(user, weights, sessions) if overlay else scores


def _best(found: Sequence[Candidate], limit: int) -> list[Candidate]:
    """Return what a search for the best windows and one for the nearest vectors would find, at most `limit` each."""
    windows = sorted((one for one in found if one.window_score), key=lambda one: -one.window_score)[:limit]
    dense = sorted((one for one in found if one.dense_score is not None), key=lambda one: -(one.dense_score or 0))
    return list({one.id: one for one in (*windows, *dense[:limit])}.values())


def _unfilled(there: bool) -> str:
    if there:
        return "the collection is too far behind the change log; a running `claude-memory worker` fills it anew"
    return "there is no collection yet; `claude-memory init`, or a running `claude-memory worker`, fills one"
