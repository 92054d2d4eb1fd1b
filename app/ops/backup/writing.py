"""Takes a backup: everything as of one moment, while writers go on."""

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
from app.errors import Conflict
from app.ops.backup.archive import PIECE_BYTES, Header, Whole
from app.ops.backup.archive_writer import ArchiveWriter
from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.pace import BACKUP, Pace
from app.ops.backup.places import Place, names_file, place
from app.ops.backup.retention import Pruned, prune
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.backups import Backup, Backups
from app.store.database import Database
from app.store.snapshots import Snapshot, snapshot


@dataclass(frozen=True, slots=True)
class Report:
    """A backup that was written, and those that were deleted after it."""

    place: str
    taken_at: datetime
    whole: Whole
    encrypted: bool
    seconds: float
    pruned: Pruned | None = None

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
                {"table": one.table, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256}
                for one in self.whole.tables
            ],
            "pruned": None if self.pruned is None else self.pruned.to_json(),
        }

    def summary(self) -> str:
        """Return it as lines for people."""
        line = (
            f"backed up {self.whole.rows:,} rows to {self.place}, {decimal(self.whole.bytes)}"
            f"{', encrypted' if self.encrypted else ''}, in {self.seconds:,.1f} s"
        )
        return line if self.pruned is None else f"{line}\n{self.pruned.summary()}"


async def run_backup(settings: Settings, db: Database, bar: Bar | None = None) -> Report:
    """Do what the nightly schedule asks for: back up to BACKUP_TO, then delete what need not be kept.

    May run inside a process that does other things: the loop is never blocked, and at most some 50 MB are used.
    Raises PlaceUnusable or StoreUnavailable; then there is no new backup, and the old ones are all still there.
    """
    if settings.backup_to is None:
        raise PlaceUnusable("BACKUP_TO is not set; name a directory or s3://bucket/prefix")
    report = await back_up(settings, db, _as_directory(settings.backup_to), bar)
    pruned = await prune(settings, db)
    return Report(report.place, report.taken_at, report.whole, report.encrypted, report.seconds, pruned)


async def refuse_existing(settings: Settings, target: str) -> None:
    """Raise Conflict when a target names a file that is there; one that is named by its time is a new one."""
    if names_file(target) and await (found := place(settings, target)).size() is not None:
        raise Conflict(f"{found.name} is there already; give --replace to write the new backup in its place")


async def back_up(settings: Settings, db: Database, target: str, bar: Bar | None = None) -> Report:
    """Write a backup to a target, as `places.place` reads it, and note it."""
    began = time.monotonic()
    passphrase = None if settings.backup_passphrase is None else settings.backup_passphrase.get_secret_value()
    async with snapshot(db) as moment:
        found = place(settings, target, moment.taken_at.astimezone(UTC))
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
        whole = await _write(moment, header, passphrase, found, bar)
    await Backups(db).note(
        Backup(
            place=found.name,
            taken_at=moment.taken_at,
            size=whole.bytes,
            rows=whole.rows,
            sha256=bytes.fromhex(whole.sha256),
            encrypted=passphrase is not None,
        )
    )
    return Report(found.name, moment.taken_at, whole, passphrase is not None, time.monotonic() - began)


def _as_directory(target: str) -> str:
    return target if target.endswith("/") else f"{target}/"


async def _write(moment: Snapshot, header: Header, passphrase: str | None, found: Place, bar: Bar | None) -> Whole:
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
        await found.write(stream)
    return wholes[0]


async def _pieces(rows: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Gather what comes into pieces of PIECE_BYTES; the last one is shorter."""
    gathered = bytearray()
    async for data in rows:
        gathered += data
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)
