"""Follows the change log: applies every committed change to the engine, and keeps its position.

A search first waits for a round that begins after it, so it sees every write acknowledged before. The position is
a transaction horizon and, while the process runs, the snapshot of the last round: what that snapshot shows is
applied, and everything committed since is new, even if its transaction began long before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from app.counted import counted
from app.errors import IndexUnavailable, StoreUnavailable
from app.index.engine import EngineAway, RebuildableEngine
from app.index.setup import Filling
from app.index.writer import write_sessions
from app.memory.change_log import Batch, Change, ChangeLog, LogPruned, Space, horizon_of
from app.memory.ports import CandidateQuery, IndexView
from app.memory.types import Candidate

logger = logging.getLogger(__name__)

CATCH_UP_TIMEOUT_S = 5.0  # a search waits this long for the index, then goes without it
_IDLE_S = 1.0  # how often to look for other processes' writes when no search asks
_RETRY_S = 0.25  # the store knows when it does not answer, so asking is cheap
_GATHER_S = 0.02  # to apply writes that come together in one round
_SESSIONS_AT_ONCE = 500

T = TypeVar("T")


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
        self._position = 0
        self._seen: str | None = None  # the snapshot of the last round; None until the first round after a start
        self._newest = 0  # above every applied transaction: a position from there on has nothing to read again
        self._counted = False
        self._unsaved = False
        self._saved_at = time.monotonic()
        self._waiting: list[asyncio.Future[None]] = []
        self._wake, self._asked = asyncio.Event(), asyncio.Event()
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = "it is being opened"
        self._filling = Filling()
        self._away: str | None = None  # why the engine, which is intact, does not answer
        self._lag_changes = 0
        self._oldest_unapplied: float | None = None

    @property
    def problem(self) -> str | None:
        return self._away or self._problem

    @property
    def filling(self) -> Filling:
        return self._filling

    @property
    def lag(self) -> tuple[int, float]:
        oldest = self._oldest_unapplied
        return self._lag_changes, max(0.0, time.time() - oldest) if oldest is not None else 0.0

    async def start(self) -> None:
        """Open the engine and begin to follow. Raises Conflict when another process holds the index."""
        database = await self._log.database_id()
        self._engine = await self._open_engine(database, await self._log.space())
        self._position = self._engine.position or 0
        self._problem = "it is being built"
        if self._engine.position is not None:
            self._problem = None
            self._filled.set()
        self._task = asyncio.create_task(self._follow(), name="index follower")

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
        self._fail_waiting(IndexUnavailable("the search index is closed; the server is stopping"))
        engine, self._engine = self._engine, None
        if engine is not None:
            if self._problem is None:
                with contextlib.suppress(IndexUnavailable):  # the next start replays the log, or rebuilds
                    await engine.checkpoint(self._position, self._seen)
            await engine.close()
        self._problem = "it is closed"

    def wake(self) -> None:
        self._wake.set()

    async def view(self, user: str) -> IndexView:
        """Return the engine once it is up to date with the log for all users. Raises IndexUnavailable."""
        await self.catch_up()
        return self

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return candidates as of the last catch-up."""
        space = self._usable().space
        if query.dense is not None and (space is None or len(query.dense) != space.size):
            query = replace(query, dense=None)  # there are no vectors yet, or the model has changed
        return await self._ask(lambda engine: engine.candidates(query))

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the sessions' scores as of the last catch-up."""
        return await self._ask(lambda engine: engine.session_scores(user, weights, sessions))

    async def catch_up(self) -> None:
        """Wait until everything committed before the call is applied. Raises IndexUnavailable."""
        self._usable()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._wake.set()
        self._asked.set()
        try:
            async with asyncio.timeout(self._catch_up_timeout_s):
                await waiter
        except TimeoutError:
            raise IndexUnavailable("the search index is behind and did not catch up in time") from None

    async def save(self) -> None:
        """Make everything applied durable now. Raises IndexUnavailable."""
        await self._ask(lambda engine: engine.checkpoint(self._position, self._seen))

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
                if self._problem is not None:
                    await self._fill()
                await self._round()
                if not self._counted:
                    await self._count_once()
                await self._save_if_due()
                self._away = None
            except EngineAway as error:
                if self._away != str(error):
                    logger.warning("the search index is not kept up to date: %s", error)
                self._away = str(error)
                self._fail_waiting(error)
                await asyncio.sleep(self._idle_s)
            except StoreUnavailable as error:
                self._fail_waiting(IndexUnavailable(f"the search index cannot be made current: {error}"))
                await asyncio.sleep(_RETRY_S)
            except (IndexUnavailable, LogPruned) as error:
                why = str(error) or "the change log was pruned"
                logger.warning("rebuilding the search index: %s", why)
                await self._schedule_rebuild(why)
            except Exception as error:  # last resort: if the follower ended, every search would wait in vain
                logger.exception("rebuilding the search index after an internal error")
                await self._schedule_rebuild(f"an internal error ({type(error).__name__}); see the log")
            await self._pause()

    async def _schedule_rebuild(self, why: str) -> None:
        if self._problem is not None:  # it was being filled
            self._filling = Filling(0, self._filling.failures + 1, why)
        self._problem = "it is being rebuilt"
        self._fail_waiting(IndexUnavailable("the search index is being rebuilt"))
        await asyncio.sleep(self._idle_s)

    async def _count_once(self) -> None:
        """After the first round, compare the number of points with the store: it may be the only sign of lost files."""
        live = await self._log.live()
        points = await self._open().count()
        if await self._log.horizon() != self._position:
            return  # something was written meanwhile: the next round counts again
        if points < live:
            raise IndexUnavailable(f"the index has {points:,} of {live:,} memories")
        self._counted = True

    async def _pause(self) -> None:
        """Wait for a write, then briefly for more writes; a search ends both waits."""
        for event, longest_s in ((self._wake, self._idle_s), (self._asked, _GATHER_S)):
            if not self._waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(longest_s):
                        await event.wait()
        self._wake.clear()
        self._asked.clear()

    async def _round(self) -> None:
        """Read the log once and apply what is new."""
        waiting, self._waiting = self._waiting, []
        try:
            batch = await self._log.read(self._position, self._seen)
            await self._apply_page(batch)
            while batch.last is not None:
                batch = await self._log.read_on(batch)
                await self._apply_page(batch)
            self._unsaved = self._unsaved or self._position < self._newest <= batch.horizon
            self._position, self._seen = batch.horizon, batch.snapshot
            self._lag_changes, self._oldest_unapplied = 0, None
        except BaseException:
            self._waiting = waiting + self._waiting
            raise
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def _apply_page(self, batch: Batch) -> None:
        self._lag_changes = len(batch.changes)
        self._oldest_unapplied = min((change.at for change in batch.changes), default=None)
        if batch.changes:
            await self._apply(batch.changes)
            self._on_applied(len(batch.changes))
            self._unsaved = True
            self._newest = int(batch.snapshot.split(":")[1])

    async def _apply(self, changes: Sequence[Change]) -> None:
        positions: dict[UUID, set[int]] = {}
        for change in changes:
            positions.setdefault(change.session, set()).add(change.position)
        deleted = {change.memory for change in changes}
        sessions = list(positions)
        for first in range(0, len(sessions), _SESSIONS_AT_ONCE):
            page = sessions[first : first + _SESSIONS_AT_ONCE]
            members = await self._log.members(page)
            for session in page:
                if session in members:
                    deleted.difference_update(member.id for member in members[session])
                    deleted.discard(session)  # its point holds the session's vector while any member is live
                else:
                    deleted.add(session)
            await write_sessions(self._log, self._open(), members, positions)
        if deleted:
            await self._open().apply((), list(deleted))

    async def _fill(self) -> None:
        """Empty the engine and write every live memory to it; then follow the log from before the filling."""
        engine = self._open()
        started, written = time.monotonic(), 0
        snapshot = await self._log.snapshot()
        await engine.empty(await self._log.space())
        async for members in _ahead(self._log.everything()):
            written += await write_sessions(self._log, engine, members, {})
            self._filling = replace(self._filling, points=written)
        self._position, self._seen = horizon_of(snapshot), snapshot
        await engine.checkpoint(self._position, self._seen)
        self._problem, self._filling = None, Filling(written)
        self._counted = True
        self._filled.set()
        logger.info("search index built: %s in %.1f s", counted(written, "point"), time.monotonic() - started)

    async def _save_if_due(self) -> None:
        engine = self._open()
        if self._unsaved and time.monotonic() - self._saved_at > engine.checkpoint_every_s:
            await engine.checkpoint(self._position, self._seen)
            self._unsaved, self._saved_at = False, time.monotonic()

    def _open(self) -> RebuildableEngine:
        if self._engine is None:
            raise IndexUnavailable("the search index is closed")
        return self._engine

    def _fail_waiting(self, error: IndexUnavailable) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)


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
