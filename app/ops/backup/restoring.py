"""Restores a backup: all of it in one transaction, or nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.filesize import decimal

from app.counted import counted
from app.ops.backup.archive import Whole
from app.ops.backup.archive_reader import ArchiveReader
from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.pace import ALONE, Pace
from app.ops.backup.reading import opened
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.database import Database
from app.store.replacing import PATIENCE_S, replacement


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored. schema: the one of the backup; the database has the newest one now."""

    place: str
    taken_at: datetime
    schema: int
    whole: Whole
    database_id: UUID
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "place": self.place,
            "taken_at": self.taken_at,
            "schema": self.schema,
            "rows": self.whole.rows,
            "tables": {table.table: table.rows for table in self.whole.tables},
            "database_id": str(self.database_id),
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> str:
        """Return one line for people."""
        return (
            f"restored {counted(self.whole.rows, 'row')} of {self.taken_at:%Y-%m-%d %H:%M:%S} UTC from {self.place} in"
            f" {self.seconds:,.1f} s; every index is rebuilt when a server starts"
        )


async def restore(
    settings: Settings, db: Database, target: str, *, replace: bool, bar: Bar, patience_s: float = PATIENCE_S
) -> RestoreReport:
    """Restore a backup into a database that is not in use.

    patience_s: how long to wait for servers that are just closing their connections.
    Raises BackupRefused, PlaceUnusable, StoreUnavailable, and Conflict when the database is in use or, without
    `replace`, not empty. After any error the database is as it was.
    """
    began = time.monotonic()
    await db.close()  # our own pools are connections too
    async with opened(settings, target) as reader:
        if settings.database_url is None:
            _refuse_full_disk(settings.data_dir, reader.header.database_bytes)
        whole, database_id = await fill(db, reader, replace=replace, bar=bar, patience_s=patience_s)
    header = reader.header
    return RestoreReport(reader.place, header.taken_at, header.schema, whole, database_id, time.monotonic() - began)


def _refuse_full_disk(data_dir: Path, database_bytes: int) -> None:
    """Raise PlaceUnusable when the embedded database would run out of space during the restore.

    It needs its own size again, and as much for its log; without room for its log, PostgreSQL stops.
    """
    free, needed = shutil.disk_usage(data_dir).free, 2 * database_bytes
    if free < needed:
        raise PlaceUnusable(
            f"the disk of {data_dir} is too full to restore: {decimal(needed)} are needed,"
            f" {decimal(free)} are free; free some space"
        )


async def fill(
    db: Database,
    reader: ArchiveReader,
    *,
    replace: bool,
    bar: Bar | None,
    share: float = ALONE,
    patience_s: float = PATIENCE_S,
    on_rows: Callable[[str, bytes], None] = lambda table, rows: None,
) -> tuple[Whole, UUID]:
    """Replace the content of all tables with a backup's; return its totals and the new id of the database.

    share: of the time spent working, see Pace. patience_s: see restore.
    on_rows: called with every piece of every table.
    """
    pace = Pace(share)

    async def reported(table: str, rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in rows:
            on_rows(table, piece)
            if bar is not None:
                bar.read(len(piece))
            yield piece
            await pace.rest()

    async with replacement(db, reader.header.schema, replace=replace, patience_s=patience_s) as made:
        for table in reader.header.tables:
            await made.load(table, reported(table.name, reader.rows(table)))
        whole = await reader.end()
        return whole, await made.finish()
