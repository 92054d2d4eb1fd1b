"""Rebuilds the search index from PostgreSQL, with or without running servers.

For a shared index, a new collection is filled beside the live one and then replaces it. The process that feeds the
index does that; without one, this process does. An embedded index is rebuilt by the server that has it open, or here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from app.bridge.protocol import ask
from app.datadir.lock import holder
from app.errors import IndexUnavailable, Unavailable
from app.index.setup import Filling, IndexFeeder, IndexSource, IndexStatus
from app.runtime.command_database import open_database
from app.runtime.composition import change_log_of, database_of, feeding_of, index_setup, index_source
from app.runtime.leader import while_leading
from app.settings.fields import Settings

if TYPE_CHECKING:
    from app.store.database import Database

_LOOK_S = 0.2
_PATIENCE_S = 60.0  # without any progress
_TRIES = 3
_SERVERS = ("serve", "daemon")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexReport:
    """What was done, or would be. index: embedded or server; name: of the collection, or of the index's folder.

    needed: whether the index differs from what the settings ask for.
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


async def reindex(
    settings: Settings, dry_run: bool, progress: Progress, *, patience_s: float = _PATIENCE_S
) -> ReindexReport:
    """Rebuild the index and return when it answers. progress: called with (points written, memories in all).

    patience_s: seconds without any progress after which it gives up.

    Raises Unavailable, StoreUnavailable, IndexUnavailable.
    """
    started = time.monotonic()
    setup = index_setup(settings)
    async with open_database(settings, "reindex") as db:
        source = index_source(change_log_of(settings, db), db)
        memories, before = await source.log.live(), await setup.status(source)
        if dry_run:
            after = before
        elif setup.shared is not None:
            await source.collections.ask_for_rebuild()
            after = await _replaced(settings, db, source, lambda now: now.name != before.name, progress, patience_s)
        else:
            after = replace(before, points=await _rebuilt(settings, source, _Patience(memories, progress, patience_s)))
    return ReindexReport(
        index=setup.name,
        name=after.name,
        needed=not before.is_wanted,
        memories=memories,
        points=after.points,
        seconds=time.monotonic() - started,
        dry_run=dry_run,
    )


async def ensure_collection(settings: Settings, db: Database, progress: Progress) -> tuple[str, bool]:
    """Make the live collection of a shared index match the settings; return its name, and whether it had to change.

    Raises IndexUnavailable, StoreUnavailable, Unavailable.
    """
    source = index_source(change_log_of(settings, db), db)
    now = await index_setup(settings).status(source)
    made = not now.is_wanted
    if made:
        now = await _replaced(settings, db, source, lambda now: now.is_wanted, progress, _PATIENCE_S)
    return str(now.name), made


async def _replaced(
    settings: Settings,
    db: Database,
    source: IndexSource,
    is_right: Callable[[IndexStatus], bool],
    progress: Progress,
    patience_s: float,
) -> IndexStatus:
    """Wait until the live collection is the right one; feed it meanwhile if no other process does."""
    setup, memories = index_setup(settings), await source.log.live()
    async with _feeding(settings, db) as feeder:
        seen, seen_at = None, time.monotonic()
        while True:
            now = await setup.status(source)
            if now.name is not None and is_right(now):
                return now
            rows = await source.collections.all()
            if rows != seen:
                seen, seen_at = rows, time.monotonic()
                progress(max((row.points for row in rows if row.state == "filling"), default=0), memories)
            if time.monotonic() - seen_at > patience_s:
                raise IndexUnavailable(f"no collection is filled: {_why(feeder)}")
            await asyncio.sleep(_LOOK_S)


def _why(feeder: IndexFeeder | None) -> str:
    elsewhere = "another process feeds the index; see its log, and check that it has the same QDRANT_ settings"
    return elsewhere if feeder is None or not feeder.runs else feeder.problem or elsewhere


@asynccontextmanager
async def _feeding(settings: Settings, db: Database) -> AsyncIterator[IndexFeeder | None]:
    """Feed while no other process does; a server on the embedded PostgreSQL always does."""
    if settings.database_url is None and (holder(settings.data_dir) or {}).get("mode") in _SERVERS:
        yield None
        return
    watched = database_of(settings, db.connect_arguments, long_lived=True)
    feeding = feeding_of(settings, watched, index_source(change_log_of(settings, watched), watched))
    assert feeding is not None
    await watched.open()
    task = asyncio.create_task(while_leading(feeding.lock, feeding.feeder.run), name="index feeder")
    try:
        yield feeding.feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feeding.feeder.close()
        await watched.close()


class _Patience:
    """Waits for an embedded index as long as it makes progress."""

    def __init__(self, memories: int, progress: Progress, patience_s: float) -> None:
        self._memories, self._progress, self._patience_s = memories, progress, patience_s
        self._seen: Filling | None = None
        self._seen_at = time.monotonic()

    def check(self, filling: Filling, remedy: str) -> None:
        """Note how far it is. Raises IndexUnavailable when it keeps failing or makes no progress."""
        if filling != self._seen:
            self._seen, self._seen_at = filling, time.monotonic()
            self._progress(filling.points, self._memories)
        if filling.failures >= _TRIES:
            raise IndexUnavailable(f"the index could not be built in {_TRIES} tries: {filling.problem}; {remedy}")
        if time.monotonic() - self._seen_at > self._patience_s:
            raise IndexUnavailable(f"the index made no progress for {self._patience_s:.0f} s; {remedy}")


async def _rebuilt(settings: Settings, source: IndexSource, patience: _Patience) -> int:
    """Rebuild an embedded index; return its number of points, or the number of memories when a server rebuilt it."""
    data_dir, setup = os.fspath(settings.data_dir), index_setup(settings)
    if await asyncio.to_thread(ask, data_dir, "reindex") is not None:
        await _until_server_answers(data_dir, patience)
        return await source.log.live()
    index = setup.index(source)
    await index.start()
    try:
        await index.rebuild()
        while index.problem is not None:
            patience.check(index.filling or Filling(), f"check {setup.folder}, and run this again")
            await asyncio.sleep(_LOOK_S)
        return await index.count()
    finally:
        await index.stop()


async def _until_server_answers(data_dir: str, patience: _Patience) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        status = await asyncio.to_thread(ask, data_dir, "status")
        if status is None:
            raise Unavailable("the server stopped while it rebuilt its index; it continues when it starts again")
        if status["components"]["index"]["status"] == "ok":
            return
        patience.check(Filling(**(status.get("index_filling") or {})), "the server keeps trying; see its log")
