"""Makes a backup: everything as of one moment, while writers continue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.filesize import decimal

from app import __version__
from app.counted import counted
from app.errors import Conflict
from app.ops.backup.archive import PIECE_BYTES, Header, Whole
from app.ops.backup.archive_writer import ArchiveWriter
from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.pace import BACKUP, Pace
from app.ops.backup.places import BackupPlace, backup_place, names_file
from app.ops.backup.retention import PruneReport, prune
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.backups import Backup, Backups
from app.store.database import Database
from app.store.snapshots import Snapshot, snapshot


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The backup that was written, and those that were deleted after it."""

    place: str
    taken_at: datetime
    whole: Whole
    encrypted: bool
    seconds: float
    pruned: PruneReport | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "place": self.place,
            "taken_at": self.taken_at,
            "rows": self.whole.rows,
            "bytes": self.whole.bytes,
            "sha256": self.whole.sha256,
            "encrypted": self.encrypted,
            "seconds": round(self.seconds, 3),
            "tables": [
                {"table": table.table, "rows": table.rows, "bytes": table.bytes, "sha256": table.sha256}
                for table in self.whole.tables
            ],
            "pruned": None if self.pruned is None else self.pruned.to_json(),
        }

    def summary(self) -> str:
        """Return lines for people."""
        line = (
            f"backed up {counted(self.whole.rows, 'row')} to {self.place}, {decimal(self.whole.bytes)}"
            f"{', encrypted' if self.encrypted else ''}, in {self.seconds:,.1f} s"
        )
        return line if self.pruned is None else f"{line}\n{self.pruned.summary()}"


async def run_backup(settings: Settings, db: Database, bar: Bar | None = None) -> BackupReport:
    """Do the nightly work: back up to BACKUP_TO, then delete the backups that need not be kept.

    May run in a process that does other work: it never blocks the loop and uses some 50 MB at most.
    Raises PlaceUnusable or StoreUnavailable; then there is no new backup, and all old ones remain.
    """
    if settings.backup_to is None:
        raise PlaceUnusable("BACKUP_TO is not set; name a directory or s3://bucket/prefix")
    report = await back_up(settings, db, _as_directory(settings.backup_to), bar)
    pruned = await prune(settings, db)
    return BackupReport(report.place, report.taken_at, report.whole, report.encrypted, report.seconds, pruned)


async def refuse_existing(settings: Settings, target: str) -> None:
    """Raise Conflict when a target names an existing file; a backup that is named after its time is always new."""
    if names_file(target) and await (place := backup_place(settings, target)).size() is not None:
        raise Conflict(f"{place.name} exists already; give --replace to overwrite it with the new backup")


async def back_up(settings: Settings, db: Database, target: str, bar: Bar | None = None) -> BackupReport:
    """Write a backup to a target, as `places.backup_place` reads it, and add it to the list of backups."""
    began = time.monotonic()
    passphrase = None if settings.backup_passphrase is None else settings.backup_passphrase.get_secret_value()
    async with snapshot(db) as moment:
        place = backup_place(settings, target, moment.taken_at.astimezone(UTC))
        header = Header(
            app=__version__,
            schema=moment.schema,
            database_id=moment.database_id,
            taken_at=moment.taken_at,
            horizon=moment.horizon,
            database_bytes=moment.database_bytes,
            encrypted=passphrase is not None,
            tables=moment.tables,
        )
        whole = await _write(moment, header, passphrase, place, bar)
    await Backups(db).note(
        Backup(
            place=place.name,
            taken_at=moment.taken_at,
            size=whole.bytes,
            rows=whole.rows,
            sha256=bytes.fromhex(whole.sha256),
            encrypted=passphrase is not None,
        )
    )
    return BackupReport(place.name, moment.taken_at, whole, passphrase is not None, time.monotonic() - began)


def _as_directory(target: str) -> str:
    return target if target.endswith("/") else f"{target}/"


async def _write(
    moment: Snapshot, header: Header, passphrase: str | None, place: BackupPlace, bar: Bar | None
) -> Whole:
    writer = ArchiveWriter(header, passphrase)
    wholes: list[Whole] = []

    async def parts() -> AsyncGenerator[bytes]:
        rows, pace = 0, Pace(BACKUP)
        yield await asyncio.to_thread(writer.begin)
        for table in header.tables:
            async with aclosing(moment.rows(table)) as copied, aclosing(_pieces(copied)) as pieces:
                async for piece in pieces:
                    part = await asyncio.to_thread(writer.rows, table.name, piece)
                    rows += piece.count(b"\n")
                    if bar is not None:
                        bar.read(len(part))
                        bar.done(rows)
                    yield part
                    await pace.rest()
        last, whole = writer.end()
        wholes.append(whole)
        yield last

    async with aclosing(parts()) as stream:
        await place.write(stream)
    return wholes[0]


async def _pieces(rows: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Gather rows into pieces of PIECE_BYTES; the last one is shorter."""
    gathered = bytearray()
    async for data in rows:
        gathered += data
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)
