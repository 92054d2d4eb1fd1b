"""Backups' files: written and read in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from app.ops.backup.archive import Header, Whole
from app.ops.backup.archive_reader import ArchiveReader
from app.ops.backup.archive_writer import ArchiveWriter
from app.store.snapshots import Table

PASSPHRASE = "correct horse"
TABLES = (Table("first", ("id", "text")), Table("empty", ("id",)), Table("last", ("id", "größe")))
ROWS = {"first": [b"1\tone\n2\tt", b"wo\n"], "empty": [], "last": [b"3\t\\N\n"]}


def header(*, encrypted: bool = False) -> Header:
    """Return what a backup says of itself."""
    moment = datetime(2026, 5, 8, 12, 0, 0, 123456, UTC)
    return Header("1.2.3", 7, UUID(int=5), moment, 700, 8_000_000, encrypted, TABLES)


def written(passphrase: str | None = None, rows: dict[str, list[bytes]] = ROWS) -> tuple[bytes, Whole]:
    """Return a whole file, and what it adds up to."""
    writer = ArchiveWriter(header(encrypted=passphrase is not None), passphrase)
    data = writer.begin()
    for table, pieces in rows.items():
        for piece in pieces:
            data += writer.rows(table, piece)
    last, whole = writer.end()
    return data + last, whole


PLAIN, WHOLE = written()
ENCRYPTED, _ = written(PASSPHRASE)


async def source(data: bytes, step: int = 700) -> AsyncIterator[bytes]:
    """Yield a file in pieces."""
    for first in range(0, len(data), step):
        yield data[first : first + step]


async def read(data: bytes, passphrase: str | None = None, step: int = 700) -> tuple[dict[str, bytes], Whole]:
    """Read a file; return the rows of each table, and what it adds up to."""
    reader = ArchiveReader(source(data, step), "the file", passphrase)
    found = await reader.open()
    rows = {table.name: b"".join([piece async for piece in reader.rows(table)]) for table in found.tables}
    return rows, await reader.end()
