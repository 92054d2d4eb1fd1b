"""Makes the search index anew from PostgreSQL: beside the running servers, or without any.

On a Qdrant server a new collection is filled beside the live one and takes its place; whoever feeds does it, this
process where nobody else does. The embedded index is rebuilt by the server that has it open, or here in its place.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from app.bridge.bridge import ask
from app.datadir.lock import holder
from app.embedding.service import service_of
from app.errors import IndexUnavailable, Unavailable
from app.runtime.command_database import open_database
from app.runtime.leader import FEEDER_LOCK, while_leading
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog

if TYPE_CHECKING:
    from app.index.follower import Filling
    from app.index.qdrant.feeder import Feeder
    from app.store.collections import Collection
    from app.store.database import Database

_LOOK_S = 0.2
_PATIENCE_S = 60.0  # without any progress
_TRIES = 3
_SERVERS = ("serve", "daemon")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done, or would be. index: embedded or server; name: of the collection, or the index's folder.

    needed: whether it is not as the settings want it.
    """

    index: str
    name: str | None
    needed: bool
    memories: int
    points: int
    seconds: float
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


async def reindex(settings: Settings, dry_run: bool, progress: Progress) -> Report:
    """Make the index anew and return when it answers. progress: told (points written, memories there are).

    Raises Unavailable, StoreUnavailable, IndexUnavailable.
    """
    started = time.monotonic()
    async with open_database(settings, "reindex") as db:
        service = service_of(settings)
        log = PostgresChangeLog(db, service.name if service else None)
        memories = await log.live()
        if settings.qdrant_url is not None:
            from app.store.collections import Collections

            collections = Collections(db)
            live = await collections.live()
            needed = await _is_needed(settings, log, live)
            if not dry_run:
                await collections.ask_for_rebuild()
                before = live.name if live else None
                live = await _replaced(settings, db, log, lambda one: one.name != before, memories, progress)
            name, points = (live.name, live.points) if live else (None, 0)
        else:
            folder = settings.data_dir / "index"
            name, needed = os.fspath(folder), not (folder / "state.json").exists()
            points = 0 if dry_run else await _rebuild_embedded(settings, log, _Patience(memories, progress))
    seconds = time.monotonic() - started
    index = "embedded" if settings.qdrant_url is None else "server"
    return Report(
        index=index, name=name, needed=needed, memories=memories, points=points, seconds=seconds, dry_run=dry_run
    )


async def ensure_collection(settings: Settings, db: Database, progress: Progress) -> tuple[str, bool]:
    """Make the live collection be as the settings want it; return its name, and whether it was not.

    Raises IndexUnavailable, StoreUnavailable, Unavailable.
    """
    from app.store.collections import Collections

    service = service_of(settings)
    log = PostgresChangeLog(db, service.name if service else None)
    live = await Collections(db).live()
    if live is not None and not await _is_needed(settings, log, live):
        return live.name, False
    wanted = await _wanted(settings, log)
    live = await _replaced(settings, db, log, lambda one: one.shape == wanted, await log.live(), progress)
    return live.name, True


async def _wanted(settings: Settings, log: PostgresChangeLog) -> dict[str, Any]:
    from app.index.qdrant.server import shape_of

    return shape_of(settings).with_vectors(await log.space()).to_json()


async def _is_needed(settings: Settings, log: PostgresChangeLog, live: Collection | None) -> bool:
    return live is None or live.shape != await _wanted(settings, log)


async def _replaced(
    settings: Settings,
    db: Database,
    log: PostgresChangeLog,
    is_right: Callable[[Collection], bool],
    memories: int,
    progress: Progress,
) -> Collection:
    """Wait until the live collection is the right one, and feed meanwhile where nobody else does."""
    from app.store.collections import Collections

    collections = Collections(db)
    async with _feeding(settings, db, log) as feeder:
        seen, seen_at = None, time.monotonic()
        while True:
            rows = await collections.all()
            live = next((row for row in rows if row.state == "live"), None)
            if live is not None and is_right(live):
                return live
            state = [(row.name, row.state, row.points, row.position) for row in rows]
            if state != seen:
                seen, seen_at = state, time.monotonic()
                progress(max((row.points for row in rows if row.state == "filling"), default=0), memories)
            if time.monotonic() - seen_at > _PATIENCE_S:
                raise IndexUnavailable(f"no collection is filled: {_why(feeder)}")
            await asyncio.sleep(_LOOK_S)


def _why(feeder: Feeder | None) -> str:
    elsewhere = "another process feeds; see its log, and that it has the same QDRANT_ settings"
    return elsewhere if feeder is None or not feeder.runs else feeder.problem or elsewhere


@asynccontextmanager
async def _feeding(settings: Settings, db: Database, log: PostgresChangeLog) -> AsyncIterator[Feeder | None]:
    """Feed while nobody else does; a server on the embedded PostgreSQL always does."""
    if settings.database_url is None and (holder(settings.data_dir) or {}).get("mode") in _SERVERS:
        yield None
        return
    from app.index.qdrant.feeder import Feeder
    from app.store.database import Database

    watched = Database(db.connect_arguments, watched=settings.database_url is not None)
    lock = watched.lock(FEEDER_LOCK)
    feeder = Feeder(PostgresChangeLog(watched, log.model), watched, settings, lock=lock)
    await watched.open()
    task = asyncio.create_task(while_leading(lock, feeder.run), name="index feeder")
    try:
        yield feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feeder.close()
        await watched.close()


class _Patience:
    """Waits for an embedded index as long as it gets on."""

    def __init__(self, memories: int, progress: Progress) -> None:
        self._memories, self._progress = memories, progress
        self._seen: Filling | None = None
        self._seen_at = time.monotonic()

    def look(self, filling: Filling, remedy: str) -> None:
        """Take note of how far it is. Raises IndexUnavailable when it fails again and again, or stands still."""
        if filling != self._seen:
            self._seen, self._seen_at = filling, time.monotonic()
            self._progress(filling.points, self._memories)
        if filling.failures >= _TRIES:
            raise IndexUnavailable(f"the index could not be made in {_TRIES} tries: {filling.problem}; {remedy}")
        if time.monotonic() - self._seen_at > _PATIENCE_S:
            raise IndexUnavailable(f"the index did not get on for {_PATIENCE_S:.0f} s; {remedy}")


async def _rebuild_embedded(settings: Settings, log: PostgresChangeLog, patience: _Patience) -> int:
    """Rebuild the index of the data directory; return how many points it has, where this process did it."""
    data_dir = os.fspath(settings.data_dir)
    if await asyncio.to_thread(ask, data_dir, "reindex") is not None:
        await _until_server_answers(data_dir, patience)
        return await log.live()
    from app.index.edge import EdgeEngine
    from app.index.follower import Follower

    follower = Follower(log, lambda id_, space: EdgeEngine.open(settings.data_dir / "index", id_, space))
    await follower.start()
    try:
        await follower.rebuild()
        while True:
            if follower.problem is None:
                return await follower.count()
            patience.look(follower.filling, f"look after {settings.data_dir / 'index'}, and run this again")
            await asyncio.sleep(_LOOK_S)
    finally:
        await follower.stop()


async def _until_server_answers(data_dir: str, patience: _Patience) -> None:
    from app.index.follower import Filling

    while True:
        await asyncio.sleep(_LOOK_S)
        told = await asyncio.to_thread(ask, data_dir, "status")
        if told is None:
            raise Unavailable("the server has gone while it rebuilt its index; it goes on with its next start")
        if told["components"]["index"]["status"] == "ok":
            return
        patience.look(Filling(**(told.get("index_filling") or {})), "the server goes on trying; see its log")
