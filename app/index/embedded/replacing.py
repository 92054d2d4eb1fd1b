"""The embedded index of a process: while one of an earlier version is replaced, that one answers.

What weighs words or makes vectors may change from one version, or embedding model, to the next. The files of the index
stay readable, so it answers, up to date, with the scores of its version (changed memories have those of the new one; of
another model's vectors it has none), while a new one is filled beside it. The new one takes over in one step: the
state file, replaced whole, names its folder. A process killed before that begins again, one killed after it goes on.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from uuid import UUID

from app.errors import IndexUnavailable
from app.index.embedded.engine import EmbeddedEngine
from app.index.follower import Follower
from app.index.setup import Filling, IndexSource
from app.memory.change_log import Space
from app.memory.ports import IndexView

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
_GRACE_S = 10.0  # how long the earlier index stays open for searches that began with it


class EmbeddedIndex:
    """An app.index.setup.Index in a folder."""

    def __init__(
        self, source: IndexSource, folder: Path, *, retry_s: float = _RETRY_S, grace_s: float = _GRACE_S
    ) -> None:
        """retry_s: until the next try to take over. grace_s: how long a replaced index stays open."""
        self._source, self._folder, self._retry_s, self._grace_s = source, folder, retry_s, grace_s
        self._engine: EmbeddedEngine | None = None
        self._own = Follower(source.log, self._open, source.on_applied)
        self._earlier: Follower | None = None
        self._answering = self._own
        self._replacing: asyncio.Task[None] | None = None
        self._taking_over: asyncio.Task[None] | None = None

    async def _open(self, database: UUID, space: Space | None) -> EmbeddedEngine:
        engine = await EmbeddedEngine.open(self._folder, database, space, keep_earlier=True)
        if (earlier := engine.earlier) is not None:
            try:
                await self._answer_with(earlier)
            except BaseException:
                await engine.close()
                raise
            self._replacing = asyncio.create_task(self._replace(engine), name="index replacement")
        self._engine = engine
        return engine

    async def _answer_with(self, engine: EmbeddedEngine) -> None:
        async def opened(database: UUID, space: Space | None) -> EmbeddedEngine:
            return engine

        earlier = Follower(self._source.log, opened)
        await earlier.start()
        self._answering = self._earlier = earlier
        logger.info("the index of an earlier version answers until the new one is built")

    async def _replace(self, engine: EmbeddedEngine) -> None:
        """Let the new index take over once it is filled and up to date."""
        while engine.earlier is not None:
            await self._own.wait_filled(self._retry_s)
            try:
                await self._own.catch_up()
                applied = self._own.applied
                self._taking_over = asyncio.create_task(engine.take_over(applied.position, applied.snapshot))
                await asyncio.shield(self._taking_over)
            except IndexUnavailable:  # not filled yet, behind, or without space: it says so itself
                await asyncio.sleep(self._retry_s)
        self._answering = self._own
        logger.info("the new index answers")
        await asyncio.sleep(self._grace_s)
        await self._close_earlier()
        await engine.delete_others()

    @property
    def problem(self) -> str | None:
        return self._answering.problem

    @property
    def lag(self) -> tuple[int, float]:
        return self._answering.lag

    @property
    def filling(self) -> Filling | None:
        return self._own.filling

    async def start(self) -> None:
        """See Index.start."""
        await self._own.start()

    async def stop(self) -> None:
        """See Index.stop."""
        await self._end_replacing()
        await self._own.stop()

    async def _end_replacing(self) -> None:
        """Close the earlier index; if it was not replaced yet, its state stays what counts."""
        if self._replacing is not None:
            self._replacing.cancel()
        both = [task for task in (self._replacing, self._taking_over) if task is not None]
        await asyncio.gather(*both, return_exceptions=True)  # a state that is being written is not left to a thread
        self._replacing = self._taking_over = None
        await self._close_earlier()

    async def _close_earlier(self) -> None:
        earlier, self._earlier, self._answering = self._earlier, None, self._own
        if earlier is not None:
            await earlier.stop()

    async def wait_filled(self, timeout_s: float) -> None:
        """See Index.wait_filled; an index of an earlier version is filled."""
        await self._answering.wait_filled(timeout_s)

    def wake(self) -> None:
        self._own.wake()
        if self._earlier is not None:
            self._earlier.wake()

    async def view(self, user: str) -> IndexView:
        """See SearchIndex.view."""
        return await self._answering.view(user)

    async def rebuild(self) -> None:
        """See Index.rebuild. Nothing answers meanwhile: the earlier index is given up too."""
        await self._end_replacing()
        if self._engine is not None:
            await self._engine.give_up_earlier()
        await self._own.rebuild()

    async def count(self) -> int:
        return await self._answering.count()
