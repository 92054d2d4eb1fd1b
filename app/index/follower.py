"""Follows the change log: applies every committed change to the engine, and keeps its position.

A search first waits for a read that begins after it, and until its user's changes are applied, so it sees every write
acknowledged before. The position is a transaction horizon and, while the process runs, the snapshot of a read: what
that snapshot shows is applied, and everything committed since is new, even if its transaction began long before.
Much is applied in slices, between which the log is read again, so nobody waits for another user's large write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.counted import counted
from app.errors import IndexUnavailable, StoreUnavailable
from app.index.backlog import Moment, Work
from app.index.engine import Deleted, EngineAway, RebuildableEngine
from app.index.reading import LogReader
from app.index.setup import Filling
from app.index.writer import Positions, slices, write_sessions
from app.memory.change_log import ChangeLog, LogPruned, Space, horizon_of
from app.memory.ports import CandidateQuery, IndexView
from app.memory.types import Candidate, Corpus

logger = logging.getLogger(__name__)

CATCH_UP_TIMEOUT_S = 5.0  # a search waits this long for the index, then goes without it
_IDLE_S = 1.0  # how often to look for other processes' writes when no search asks
_RETRY_S = 0.25  # the store knows when it does not answer, so asking is cheap
_GATHER_S = 0.02  # to apply writes that come together in one round
_POSITIONS_AT_ONCE, _TERMS_AT_ONCE = 250, 20_000  # some 50 ms of work, for turns as for long texts

T = TypeVar("T")


class _Begun(NamedTuple):
    """Works that are being applied, and what is left of them."""

    works: Sequence[Work]
    slices: AsyncGenerator[None, None]


class Follower:
    """A SearchIndex over one engine that it keeps up to date with the change log."""

    def __init__(
        self,
        log: ChangeLog,
        open_engine: Callable[[UUID, Space | None], Awaitable[RebuildableEngine]],
        on_applied: Callable[[int], None] = lambda changes: None,
        *,
        idle_s: float = _IDLE_S,
        catch_up_timeout_s: float = CATCH_UP_TIMEOUT_S,
    ) -> None:
        """on_applied: called with how many changes each round applied.

        idle_s: seconds between two looks when no search asks, and before the next try after a failure.
        catch_up_timeout_s: seconds that a search waits for the index.
        """
        self._idle_s, self._catch_up_timeout_s = idle_s, catch_up_timeout_s
        self._log = log
        self._on_applied = on_applied
        self._open_engine = open_engine
        self._engine: RebuildableEngine | None = None
        self._reader = LogReader(log, Moment(0, None))
        self._begun: list[_Begun] = []  # the last first: work that was begun after others, and is less
        self._counted, self._count_at = False, 0.0
        self._unsaved = False
        self._saved_at = time.monotonic()
        self._checkpoint: asyncio.Task[None] | None = None
        self._wake, self._asked = asyncio.Event(), asyncio.Event()
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = "it is being opened"
        self._filling = Filling()
        self._away: str | None = None  # why the engine, which is intact, does not answer

    @property
    def problem(self) -> str | None:
        return self._away or self._problem

    @property
    def filling(self) -> Filling:
        return self._filling

    @property
    def lag(self) -> tuple[int, float]:
        oldest = self._reader.backlog.oldest
        return self._reader.backlog.changes, max(0.0, time.time() - oldest) if oldest is not None else 0.0

    @property
    def applied(self) -> Moment:
        """The moment of the log up to which everything is applied."""
        return self._reader.backlog.applied

    async def start(self) -> None:
        """Open the engine and begin to follow. Raises Conflict when another process holds the index."""
        try:
            await self._start_engine()
        except EngineAway as error:
            self._note_away(error)
        self._task = asyncio.create_task(self._follow(), name="index follower")

    async def _start_engine(self) -> None:
        database = await self._log.database_id()
        self._engine = await self._open_engine(database, await self._log.space())
        self._begin_at(Moment(self._engine.position or 0, None))
        self._problem = "it is being built"
        if self._engine.position is not None:
            self._problem = None
            self._filled.set()

    def _begin_at(self, moment: Moment) -> None:
        """Follow the log from a moment on; nothing is applied of what came after it."""
        self._reader.begin_at(moment, IndexUnavailable("the search index is being rebuilt"))
        self._begun = []

    async def wait_filled(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()

    async def stop(self) -> None:
        """Stop following, save the position and close the engine; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._drop_begun()
        await self._end_checkpoint()
        self._reader.fail(IndexUnavailable("the search index is closed; the server is stopping"))
        engine, self._engine = self._engine, None
        if engine is not None:
            if self._problem is None:
                applied = self._reader.backlog.applied
                with contextlib.suppress(IndexUnavailable):  # the next start replays the log, or rebuilds
                    await engine.checkpoint(applied.position, applied.snapshot)
            await engine.close()
        self._problem = "it is closed"

    def wake(self) -> None:
        self._wake.set()

    async def view(self, user: str) -> IndexView:
        """Return the engine once it is up to date with the log for a user. Raises IndexUnavailable."""
        await self.catch_up(user)
        return self

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return candidates as of the last catch-up."""
        space = self._usable().space
        if query.dense is not None and (space is None or len(query.dense) != space.size):
            query = replace(query, dense=None)  # there are no vectors yet, or the model has changed
        return await self._ask(lambda engine: engine.candidates(query))

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus | None:
        """Return the counts as of the last catch-up; None if the engine counts nothing."""
        return await self._ask(lambda engine: engine.corpus(user, projects, terms))

    async def catch_up(self, user: str | None = None) -> None:
        """Wait until everything committed before the call is applied, of a user or of all. Raises IndexUnavailable."""
        self._usable()
        waiter = self._reader.wait(user)
        self._wake.set()
        self._asked.set()
        try:
            async with asyncio.timeout(self._catch_up_timeout_s):
                await waiter.done
        except TimeoutError:
            raise IndexUnavailable("the search index is behind and did not catch up in time") from None

    async def save(self) -> None:
        """Make everything applied durable now. Raises IndexUnavailable."""
        applied = self._reader.backlog.applied
        await self._ask(lambda engine: engine.checkpoint(applied.position, applied.snapshot))

    async def rebuild(self) -> None:
        """Refill the engine from the store; until then searches go without it."""
        self._problem, self._filling = "it is being rebuilt", Filling()
        self._wake.set()

    async def count(self) -> int:
        return await self._ask(lambda engine: engine.count())

    async def _ask(self, question: Callable[[RebuildableEngine], Awaitable[T]]) -> T:
        """Ask the engine; rebuild it if it fails."""
        engine = self._usable()
        try:
            return await question(engine)
        except EngineAway:
            raise
        except IndexUnavailable as error:
            if self._problem is None:
                logger.warning("rebuilding the search index: %s", error)
                await self.rebuild()
            raise

    def _usable(self) -> RebuildableEngine:
        if self._engine is None or self._problem is not None:
            raise IndexUnavailable(f"the search index cannot answer: {self._problem}")
        return self._engine

    async def _follow(self) -> None:
        while True:
            try:
                if self._engine is None:
                    await self._start_engine()
                if self._problem is not None:
                    await self._fill()
                self._unsaved |= await self._reader.read_if_due()
                await self._apply_slice()
                if not self._counted and not self._reader.has_work and time.monotonic() >= self._count_at:
                    self._count_at = time.monotonic() + self._idle_s  # while much is written, it fails every time
                    await self._count_once()
                self._save_if_due()
                if self._checkpoint is None:  # one after a failure shows whether the engine is there again
                    self._away = None
            except EngineAway as error:
                self._note_away(error)
                self._reader.fail(error)
                await asyncio.sleep(self._idle_s)
            except StoreUnavailable as error:
                self._reader.fail(IndexUnavailable(f"the search index cannot be made current: {error}"))
                await asyncio.sleep(_RETRY_S)
            except (IndexUnavailable, LogPruned) as error:
                why = str(error) or "the change log was pruned"
                logger.warning("rebuilding the search index: %s", why)
                await self._schedule_rebuild(why)
            except Exception as error:  # last resort: if the follower ended, every search would wait in vain
                logger.exception("rebuilding the search index after an internal error")
                await self._schedule_rebuild(f"an internal error ({type(error).__name__}); see the log")
            await self._pause()

    def _note_away(self, error: EngineAway) -> None:
        if self._away is None:  # figures in its words may change every time
            logger.warning("the search index is not kept up to date: %s", error)
        self._away = str(error)

    async def _schedule_rebuild(self, why: str) -> None:
        if self._problem is not None:  # it was being filled
            self._filling = Filling(0, self._filling.failures + 1, why)
        self._problem = "it is being rebuilt"
        self._reader.fail(IndexUnavailable("the search index is being rebuilt"))
        await asyncio.sleep(self._idle_s)

    async def _count_once(self) -> None:
        """After the first round, compare the number of points with the store: it may be the only sign of lost files."""
        live = await self._log.live()
        points = await self._open().count()
        if await self._log.horizon() != self._reader.backlog.applied.position:
            return  # something was written meanwhile: the next round counts again
        if points < live:
            raise IndexUnavailable(f"the index has {points:,} of {live:,} memories")
        self._counted = True

    async def _pause(self) -> None:
        """Wait for a write, then briefly for more writes; a search ends both waits. Don't wait with work to do."""
        if self._reader.has_work and self._problem is None and self._away is None:
            return
        for event, longest_s in ((self._wake, self._idle_s), (self._asked, _GATHER_S)):
            if not self._reader.anyone_waits:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(longest_s):
                        await event.wait()
        self._wake.clear()
        self._asked.clear()

    async def _apply_slice(self) -> None:
        """Apply some of what is to be applied; what is less goes before more that was begun."""
        backlog = self._reader.backlog
        if taken := backlog.take():
            self._begun.append(_Begun(taken, self._apply(taken)))
        if not self._begun:
            return
        begun = self._begun[-1]
        try:
            await anext(begun.slices)
        except StopAsyncIteration:
            self._begun.pop()
            backlog.finish(begun.works)
            self._on_applied(sum(work.changes for work in begun.works))
            self._unsaved = True
        except BaseException:
            self._begun.pop()
            backlog.put_back(begun.works)
            raise

    async def _apply(self, works: Sequence[Work]) -> AsyncGenerator[None, None]:
        """Apply changes, and pause after each slice."""
        positions = {session: places for work in works for session, places in work.positions.items()}
        deleted = {memory: work.user for work in works for memory in work.memories}
        for sessions in _some_sessions(positions):
            members = await self._log.members(sessions)
            for member in (member for turns in members.values() for member in turns):
                deleted.pop(member.id, None)
            for some, near in slices(members, positions, _POSITIONS_AT_ONCE, _TERMS_AT_ONCE):
                await write_sessions(self._log, self._open(), near, some)
                yield
        if deleted:
            await self._open().apply((), [Deleted(user, id_) for id_, user in deleted.items()])

    async def _fill(self) -> None:
        """Empty the engine and write every live memory to it; then follow the log from before the filling."""
        engine = self._open()
        await self._end_checkpoint()  # it would say that the emptied engine is complete
        await self._drop_begun()
        started, written = time.monotonic(), 0
        snapshot = await self._log.snapshot()
        await engine.empty(await self._log.space())
        async for members in _ahead(self._log.everything()):
            written += await write_sessions(self._log, engine, members, {})
            self._filling = replace(self._filling, points=written)
        self._begin_at(Moment(horizon_of(snapshot), snapshot))
        await engine.checkpoint(horizon_of(snapshot), snapshot)
        self._problem, self._filling = None, Filling(written)
        self._counted = True
        self._filled.set()
        logger.info("search index built: %s in %.1f s", counted(written, "point"), time.monotonic() - started)

    def _save_if_due(self) -> None:
        """Save in the background; a failure shows in the next round."""
        if self._checkpoint is not None:
            if not self._checkpoint.done():
                return
            done, self._checkpoint = self._checkpoint, None
            if done.cancelled() or done.exception() is not None:
                self._unsaved, self._saved_at = True, -math.inf  # tried again in the next round
            done.result()
        engine, applied = self._open(), self._reader.backlog.applied
        if self._unsaved and time.monotonic() - self._saved_at > engine.checkpoint_every_s:
            self._unsaved, self._saved_at = False, time.monotonic()
            self._checkpoint = asyncio.create_task(
                engine.checkpoint(applied.position, applied.snapshot), name="index checkpoint"
            )

    async def _drop_begun(self) -> None:
        begun, self._begun = self._begun, []
        for one in begun:
            await one.slices.aclose()

    async def _end_checkpoint(self) -> None:
        """Wait for a checkpoint that was begun; the one after it says what is wrong."""
        checkpoint, self._checkpoint = self._checkpoint, None
        if checkpoint is not None:
            await asyncio.gather(checkpoint, return_exceptions=True)

    def _open(self) -> RebuildableEngine:
        if self._engine is None:
            raise IndexUnavailable("the search index is closed")
        return self._engine


def _some_sessions(positions: Positions) -> Iterator[list[UUID]]:
    """Divide sessions into those whose members are read together: a session can have a megabyte of terms."""
    some: list[UUID] = []
    size = 0
    for session, places in positions.items():
        some.append(session)
        size += len(places)
        if size >= _POSITIONS_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


async def _ahead(pages: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield the pages, and fetch the next one meanwhile, so that PostgreSQL works while we do."""

    async def fetch() -> T | None:
        return await anext(pages, None)

    coming = asyncio.create_task(fetch())
    try:
        while (page := await coming) is not None:
            coming = asyncio.create_task(fetch())
            yield page
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
