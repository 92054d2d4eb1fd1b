"""The format of a backup: a tar archive that `tar`, `gunzip` and `age` open too, written and read in small pieces.

    backup.json                       what it is and which tables follow; never encrypted
    key.age                           the key of the rest, encrypted with the passphrase (age, scrypt)
    memories/000001.copy.gz[.age]     rows in the text format of PostgreSQL's COPY, at most 1 MiB a piece
    …                                 the tables in the order of backup.json
    manifest.json.gz[.age]            backup.json again, with rows, bytes and SHA-256 of every table
    SHA256                            the SHA-256 of every byte before this member

Every bit is covered: the last member holds the checksum of all bits before it, and that member and the end of the
archive can have only one form. So any changed bit and any missing end is found. The manifest also ties the encrypted
pieces together: a piece that is exchanged, repeated or left out does not match its table's checksum.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.store.snapshots import Table

FORMAT = 1
PIECE_BYTES = 1 << 20  # of rows before compression
BLOCK_BYTES = 512  # of tar
_END = bytes(2 * BLOCK_BYTES)
HEADER_NAME, KEY_NAME, MANIFEST_NAME, _CHECK_NAME = "backup.json", "key.age", "manifest.json.gz", "SHA256"


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself before its content.

    app: version that wrote it. schema: number of the newest schema file. horizon: every transaction below is included.
    database_bytes: size of the database on its disk.
    """

    app: str
    schema: int
    database_id: UUID
    taken_at: datetime
    horizon: int
    database_bytes: int
    encrypted: bool
    tables: tuple[Table, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the header as JSON values."""
        return {
            "format": FORMAT,
            **asdict(self),
            "database_id": str(self.database_id),
            "taken_at": self.taken_at.isoformat(),
            "tables": [{"name": table.name, "columns": list(table.columns)} for table in self.tables],
        }


@dataclass(frozen=True, slots=True)
class Content:
    """The totals of a table; bytes and sha256 are of its rows as COPY writes them."""

    table: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Whole:
    """The totals of the file. sha256: as `sha256sum` prints it."""

    tables: tuple[Content, ...]
    bytes: int
    sha256: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)


class TableSum:
    """Adds up the rows of one table."""

    def __init__(self) -> None:
        self.rows, self.bytes, self._sha256 = 0, 0, hashlib.sha256()

    def add(self, rows: bytes) -> None:
        """Add a piece, as COPY writes it."""
        self.rows += rows.count(b"\n")  # COPY writes a line end inside a value as \n, two characters
        self.bytes += len(rows)
        self._sha256.update(rows)

    def content(self, table: str) -> Content:
        """Return the totals."""
        return Content(table, self.rows, self.bytes, self._sha256.hexdigest())


def piece_name(table: str, number: int) -> str:
    """Return the name of a piece of a table's rows."""
    return f"{table}/{number:06}.copy.gz"


def as_json(value: dict[str, Any]) -> bytes:
    """Return JSON as members hold it: the same value gives the same bytes."""
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def with_checksum(value: dict[str, Any]) -> bytes:
    """Return JSON that holds the SHA-256 of itself without it."""
    return as_json({**value, "sha256": hashlib.sha256(as_json(value)).hexdigest()})


def padded(size: int) -> int:
    """Return how many bytes content of that size takes in a tar archive."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def member(header: Header, name: str, content: bytes) -> bytes:
    """Return the bytes of a member of the archive."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o600, int(header.taken_at.astimezone(UTC).timestamp())
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(padded(len(content)) - len(content))


def trailer(header: Header, checksum: str) -> bytes:
    """Return the last bytes of the archive."""
    return member(header, _CHECK_NAME, f"{checksum}\n".encode()) + _END
