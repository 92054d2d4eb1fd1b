"""Tries a backup out: restores it into a scratch database, compares every row, and searches in it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.counted import counted
from app.errors import IndexUnavailable
from app.memory.ports import IndexView
from app.memory.requests import Search, checked
from app.memory.search import search
from app.memory.types import Scope
from app.ops.backup.archive import Whole
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.ops.backup.pace import VERIFY, Pace
from app.ops.backup.reading import opened
from app.ops.backup.restoring import fill
from app.ops.progress import Bar
from app.runtime.command_database import admin_arguments
from app.runtime.composition import domain_of
from app.settings.fields import Settings
from app.store.backups import Backups
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.replacing import rows_of
from app.store.scratch import scratch_database

_QUESTION_CHARACTERS = 300
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """A backup that proved to be good. searched: whether there was a memory to search for, and it was found."""

    place: str
    taken_at: datetime
    app: str
    schema: int
    encrypted: bool
    whole: Whole
    searched: bool
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "place": self.place,
            "taken_at": self.taken_at,
            "version": self.app,
            "schema": self.schema,
            "encrypted": self.encrypted,
            "rows": self.whole.rows,
            "bytes": self.whole.bytes,
            "sha256": self.whole.sha256,
            "tables": [
                {"table": table.table, "rows": table.rows, "restored": table.rows, "sha256": table.sha256, "ok": True}
                for table in self.whole.tables
            ],
            "searched": self.searched,
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> str:
        """Return one line for people."""
        return (
            f"{self.place} is good: {counted(self.whole.rows, 'row')} of {self.taken_at:%Y-%m-%d %H:%M:%S} UTC,"
            f" verified in {self.seconds:,.1f} s"
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """Return table rows for people."""
        lines = [("ok", table.table, f"{counted(table.rows, 'row')}, each as it was") for table in self.whole.tables]
        found = "found what it searched for" if self.searched else "nothing to search for: there is no memory"
        return [
            ("ok", "checksums", f"{self.whole.bytes:,} bytes, SHA-256 {self.whole.sha256}"),
            *lines,
            ("ok", "search", found),
        ]


class _RowSum:
    """Adds up rows in any order: how many there are, and the sum of their hashes.

    A sum of hashes reveals every fault of a disk or a program. The file's checksums and encryption, not this sum,
    prove that no one exchanged the file.
    """

    def __init__(self) -> None:
        self.count, self.sum, self._rest = 0, 0, b""

    def add(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.count += len(lines)
        for line in lines:
            self.sum += int.from_bytes(hashlib.blake2b(line, digest_size=_HASH_BYTES).digest())

    def same_as(self, other: _RowSum) -> bool:
        return (self.count, self.sum, self._rest) == (other.count, other.sum, other._rest)


async def verify_newest(settings: Settings, db: Database, bar: Bar | None = None) -> VerificationReport:
    """Verify the newest backup that this database knows, as the worker does now and then. Raises as `verify` does."""
    known = await Backups(db).list()
    if not known:
        raise PlaceUnusable("there is no backup to verify; run `claude-memory backup`, and see why none was made")
    return await verify(settings, admin_arguments(settings, db), db, known[0].place, bar)


async def verify(
    settings: Settings, admin: dict[str, Any], db: Database, target: str, bar: Bar | None = None
) -> VerificationReport:
    """Restore a backup into a scratch database and compare everything.

    admin: how to connect as a role that may create databases. db: its role owns the scratch database.
    Raises BackupRefused when anything differs, PlaceUnusable, StoreUnavailable, NotPermitted.
    """
    began = time.monotonic()
    async with opened(settings, target) as reader, scratch_database(admin, db) as scratch:
        written = {table.name: _RowSum() for table in reader.header.tables}
        whole, _ = await fill(
            scratch,
            reader,
            replace=False,
            bar=bar,
            share=VERIFY,
            on_rows=lambda table, rows: written[table].add(rows),
        )
        for table in reader.header.tables:
            restored, pace = _RowSum(), Pace(VERIFY)
            async for piece in rows_of(scratch, table):
                restored.add(piece)
                await pace.rest()
            if not restored.same_as(written[table.name]):
                raise BackupRefused(f"{reader.place}: table {table.name} did not come back as it was written")
        await scratch.open()
        searched = await _search(settings, scratch, reader.place)
    await Backups(db).verified(bytes.fromhex(whole.sha256))
    header, seconds = reader.header, time.monotonic() - began
    return VerificationReport(
        reader.place, header.taken_at, header.app, header.schema, header.encrypted, whole, searched, seconds
    )


async def _search(settings: Settings, db: Database, name: str) -> bool:
    """Search for the newest memory by its own words; False when there is none. Raises BackupRefused if none is found.

    Any result will do: hundreds of other memories may say nearly the same.
    """
    async with db.as_service() as connection:
        row = await connection.fetchrow(
            "select user_id, text from memories where archived_at is null"
            " and (expires_at is null or expires_at > now()) and cardinality(terms) > 0"
            " order by created_at desc limit 1"
        )
    if row is None:
        return False
    domain = domain_of(settings, PostgresStore(db), _NoIndex())
    question = checked(Search, {"query": row["text"][:_QUESTION_CHARACTERS]})
    if not (await search(domain, Scope(row["user_id"]), question)).results:
        raise BackupRefused(f"{name}: a search in the restored data does not find the newest memory")
    return True


class _NoIndex:
    """Takes the place of the index in a search: building one for a scratch database would be a waste."""

    async def view(self, user: str) -> IndexView:
        raise IndexUnavailable("a scratch database has no index")
