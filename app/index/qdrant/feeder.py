"""Feeds a Qdrant server: keeps the live collection up to date with the change log, and replaces it by a new one.

It fills a new collection beside the live one, which it still feeds. When the new one is up to date it becomes the
live one in one transaction of PostgreSQL, and the alias follows. A process can be killed at any step: the next start
reads from `index_collections` how far it got, and finishes or undoes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.errors import MemoryServerError
from app.index.collections import Collections, IndexCollection
from app.index.engine import Deleted, EngineAway, Point
from app.index.follower import Follower
from app.index.qdrant.collection import QdrantCollection
from app.index.qdrant.server import QdrantServer
from app.index.qdrant.shape import Shape, shape_of
from app.index.setup import IndexSource, MaySend
from app.memory.change_log import Space
from app.settings.fields import Settings

logger = logging.getLogger(__name__)

_NOT_RUNNING = "it does not run here"
_NOTE_POINTS_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederTimes:
    """How often a feeder works, in seconds.

    look_s: between two steps. retry_s: the additional wait after a failure. tidy_s: between two removals of collections
    that are no longer used. grace_s: how long a replaced collection stays, for searches that began before.
    """

    look_s: float = 0.25
    retry_s: float = 1.0
    tidy_s: float = 60.0
    grace_s: float = 30.0


TIMES = FeederTimes()


class QdrantFeeder:
    """Feeds while it runs. `problem`: why the live collection is not kept up to date; None while it is."""

    def __init__(
        self, source: IndexSource, settings: Settings, may_send: MaySend, *, times: FeederTimes = TIMES
    ) -> None:
        """may_send: called right before each write, to confirm that this process leads.

        A process that was frozen until another one took over must not overwrite a new point with an old one.
        """
        self._source, self._may_send, self._times = source, may_send, times
        self._server = QdrantServer.of(settings, may_send)
        self._alias = settings.qdrant_collection
        self._quantize_from = settings.qdrant_quantize_from
        self._shape = shape_of(settings)
        self._live: _Feed | None = None
        self._next: _Feed | None = None
        self._tidy_at = -times.tidy_s
        self._problem: str | None = _NOT_RUNNING

    @property
    def runs(self) -> bool:
        return self._problem != _NOT_RUNNING

    @property
    def problem(self) -> str | None:
        if self._problem is not None or (self._live or self._next) is None:
            return self._problem or "it is starting"
        if self._live is not None:
            return self._live.follower.problem
        return (self._next and self._next.follower.problem) or "a collection is being filled"

    @property
    def lag(self) -> tuple[int, float]:
        return self._live.follower.lag if self._live is not None else (0, 0.0)

    def wake(self) -> None:
        if self._live is not None:
            self._live.follower.wake()

    async def close(self) -> None:
        await self._server.close()

    async def run(self) -> None:
        """Feed until cancelled, then save the positions; wait for a server that does not answer.

        Only one process on the database may run it at a time. May be called again.
        """
        try:
            while True:
                try:
                    await self._step()
                    self._problem = None
                except MemoryServerError as error:
                    if self._problem != str(error):
                        logger.warning("the search index is not being fed: %s", error)
                    self._problem = str(error)
                    await asyncio.sleep(self._times.retry_s)
                except Exception:  # last resort: nothing else would restart it
                    logger.exception("feeding the search index failed")
                    self._problem = "it failed; see the log"
                    await asyncio.sleep(self._times.retry_s)
                await asyncio.sleep(self._times.look_s)
        finally:
            for feed in (self._live, self._next):
                if feed is not None:
                    await feed.follower.stop()
            self._live = self._next = None
            self._problem = _NOT_RUNNING

    async def _step(self) -> None:
        """Take the next step towards one live collection of the right shape."""
        if self._live is not None and self._live.engine.is_lost:
            lost, self._live = self._live, None
            await lost.follower.stop()
        if self._live is None and self._next is None:
            await self._resume()
        live = await self._source.collections.live()
        wanted = self._shape.with_vectors(await self._source.log.space())
        if live is not None and self._next is None and (live.rebuild_asked or Shape.read(live.shape) != wanted):
            logger.info("filling a new collection: %s", "asked for" if live.rebuild_asked else "settings changed")
            self._next = await self._begin(None)
        if self._next is not None:
            await self._switch(self._next)
        if time.monotonic() - self._tidy_at > self._times.tidy_s:
            await self._tidy()
            self._tidy_at = time.monotonic()

    async def _resume(self) -> None:
        """Continue where the last process stopped: follow the live collection, and one filled to replace it."""
        await self._source.collections.remove_strangers()
        rows = await self._source.collections.all()
        live = next((row for row in rows if row.state == "live"), None)
        filled = [row for row in rows if row.state == "filling" and row.position is not None]
        wanted = self._shape.with_vectors(await self._source.log.space())
        if live is not None:
            self._live = await self._begin(live)
        if filled and Shape.read(filled[-1].shape) == wanted:
            self._next = await self._begin(filled[-1])
        elif live is None:
            self._next = await self._begin(None)

    async def _begin(self, row: IndexCollection | None) -> _Feed:
        source = self._source
        engine = _FedCollection(self._server, source.collections, self._alias, self._shape, row, source.log.model)
        feed = _Feed(engine, Follower(source.log, engine.opened, source.on_applied))
        await feed.follower.start()
        return feed

    async def _switch(self, new: _Feed) -> None:
        """Make the new collection the live one, once it is filled and up to date."""
        if new.follower.problem is not None:
            return
        await new.follower.catch_up()
        await new.follower.save()
        if not await self._may_send():
            raise EngineAway("another process may be feeding by now; nothing was switched")
        await self._source.collections.switch(new.engine.name)
        new.engine.is_live = True
        old, self._live, self._next = self._live, new, None
        self._tidy_at = -self._times.tidy_s
        logger.info("the collection %s answers now", new.engine.name)
        if old is not None:
            await old.follower.stop()

    async def _tidy(self) -> None:
        """Set the alias and the quantization, and delete collections that are no longer used."""
        in_use = {feed.engine.name for feed in (self._live, self._next) if feed is not None}
        for name in await self._source.collections.left_over(timedelta(seconds=self._times.grace_s)):
            if name not in in_use:
                await self._server.delete(name)
                await self._source.collections.remove(name)
        if self._live is None:
            return
        await self._server.alias(self._alias, self._live.engine.name)
        has_vectors = self._live.engine.shape.size is not None
        if has_vectors and 0 < self._quantize_from <= await self._live.engine.count():
            await self._server.quantize(self._live.engine.name)


class _FedCollection(QdrantCollection):
    """A collection whose position is stored in PostgreSQL.

    is_live: searches use it. is_lost: it was live, but Qdrant has lost some of it, so it cannot be used.
    """

    checkpoint_every_s = 0.25  # every search scores the changes above the position itself
    uses_numpy = False  # a server without a model never loads it

    def __init__(
        self,
        server: QdrantServer,
        collections: Collections,
        prefix: str,
        shape: Shape,
        row: IndexCollection | None,
        model: str | None,
    ) -> None:
        """row: its record in PostgreSQL; None for a new one, which `empty` creates in this shape.

        model: the model whose vectors the log has now.
        """
        super().__init__(server, row.name if row else "", Shape.read(row.shape) if row else shape)
        self._collections, self._prefix, self._model = collections, prefix, model
        self.position = row.position if row else None
        self.is_live, self.is_lost = row is not None and row.state == "live", False
        self._points, self._noted_at = 0, time.monotonic()

    async def opened(self, database: UUID, space: Space | None) -> _FedCollection:
        """Return itself; a follower calls this when it starts."""
        return self

    @property
    def space(self) -> Space | None:
        """The space of the vectors it accepts; None if it has none, or another model's until the feeder replaces it."""
        space = self.shape.space
        return space if space is not None and space.model == self._model else None

    async def make_room(self, space: Space) -> None:
        """Continue without vectors: the feeder fills another collection that has room for them."""

    async def empty(self, space: Space | None) -> None:
        """Create a new, empty collection. If searches use this one, retire it instead: another one replaces it."""
        if self.is_live:
            await self._collections.retire(self.name)
            self.is_lost = True
            raise EngineAway("the collection was lost; a new one is being filled")
        if self.name:
            await self.server.delete(self.name)
            await self._collections.remove(self.name)
        self.position, self._points = None, 0
        self.shape = self.shape.with_vectors(space)
        self.name = await self._collections.begin(self._prefix, self.shape.to_json())
        await self.server.create(self.name, self.shape)

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[Deleted]) -> None:
        """Write and delete points; during filling, record the progress."""
        await super().apply(upserts, deletes)
        self._points += len(upserts)
        if self.position is None and time.monotonic() - self._noted_at > _NOTE_POINTS_S:
            await self._collections.note_points(self.name, self._points)
            self._noted_at = time.monotonic()

    async def checkpoint(self, position: int, seen: str | None) -> None:
        """Save the position: writes are synchronous, so everything applied is durable."""
        if seen is None:
            return
        if self.position is None:
            await self._collections.note_points(self.name, self._points)
        await self._collections.save(self.name, position, seen)
        self.position = position

    async def close(self) -> None:
        """Do nothing: the feeder closes the server's connections."""


@dataclass(frozen=True, slots=True)
class _Feed:
    engine: _FedCollection
    follower: Follower
