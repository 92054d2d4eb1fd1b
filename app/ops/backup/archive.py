"""The file of a backup: a tar archive that `tar`, `gunzip` and `age` open too, written and read in small pieces.

    backup.json                       what it is and which tables follow; never encrypted
    key.age                           the key of the rest, encrypted with the passphrase (age, scrypt)
    memories/000001.copy.gz[.age]     rows in the text format of PostgreSQL's COPY, at most 1 MiB a piece
    …                                 the tables in the order of backup.json
    manifest.json.gz[.age]            backup.json again, with rows, bytes and SHA-256 of every table
    SHA256                            the SHA-256 of every byte before this member

Every bit is covered: those before the last member by its checksum, and that member and the end of the archive can
have one form only. So no bit can change and no end can be missing without being seen. What is encrypted is also bound
together by the manifest: a piece that is exchanged, repeated or left out does not fit its table's checksum.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tarfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pyrage

from app import __version__
from app.ops.backup.errors import BackupRefused
from app.ops.backup.key import WrongPassphrase, sealed, unsealed
from app.store.snapshots import Table

FORMAT = 1
PIECE_BYTES = 1 << 20  # of rows before compression
_BLOCK = 512  # of tar
_END = bytes(2 * _BLOCK)
_HEADER, _KEY, _MANIFEST, _CHECK = "backup.json", "key.age", "manifest.json.gz", "SHA256"
_MEMBER_LIMIT = 16 * PIECE_BYTES  # no member of ours comes near it: a damaged length is not believed
_LEVEL = 1  # of gzip: a third larger than the default level's, at a quarter of its time


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself before its content.

    app: version that wrote it. schema: number of the newest schema file. horizon: transactions below it are all in it.
    database_bytes: what the database took on its disk.
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
        """Return it as JSON values."""
        return {
            "format": FORMAT,
            **asdict(self),
            "database_id": str(self.database_id),
            "taken_at": self.taken_at.isoformat(),
            "tables": [{"name": table.name, "columns": list(table.columns)} for table in self.tables],
        }


@dataclass(frozen=True, slots=True)
class Content:
    """What a table's rows add up to; bytes and sha256 are of the rows as COPY writes them."""

    table: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Whole:
    """What the file adds up to. sha256: as `sha256sum` prints it."""

    tables: tuple[Content, ...]
    bytes: int
    sha256: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)


class _Sum:
    """Adds up the rows of one table."""

    def __init__(self) -> None:
        self.rows, self.bytes, self._sha256 = 0, 0, hashlib.sha256()

    def add(self, rows: bytes) -> None:
        self.rows += rows.count(b"\n")  # COPY writes a line's end inside a value as \n, two characters
        self.bytes += len(rows)
        self._sha256.update(rows)

    def content(self, table: str) -> Content:
        return Content(table, self.rows, self.bytes, self._sha256.hexdigest())


class Writer:
    """Makes the bytes of a backup: `begin`, then `rows` table by table, then `end`."""

    def __init__(self, header: Header, passphrase: str | None) -> None:
        self._header = header
        self._passphrase = passphrase
        self._recipient: pyrage.x25519.Recipient | None = None
        self._sums = {table.name: _Sum() for table in header.tables}
        self._pieces = dict.fromkeys(self._sums, 0)
        self._sha256, self._bytes = hashlib.sha256(), 0

    def begin(self) -> bytes:
        """Return the first bytes. Takes half a second and 128 MB with a passphrase, so that guessing one is slow."""
        start = self._member(_HEADER, _with_checksum(self._header.to_json()))
        if self._passphrase is not None:
            identity = pyrage.x25519.Identity.generate()
            self._recipient = identity.to_public()
            start += self._member(_KEY, sealed(f"{identity}\n".encode(), self._passphrase))
        return start

    def rows(self, table: str, rows: bytes) -> bytes:
        """Return the bytes for a piece of a table, at most PIECE_BYTES long."""
        self._sums[table].add(rows)
        self._pieces[table] += 1
        return self._packed(_piece_name(table, self._pieces[table]), rows)

    def end(self) -> tuple[bytes, Whole]:
        """Return the last bytes and what all of it adds up to."""
        contents = tuple(one.content(table) for table, one in self._sums.items())
        manifest = {**self._header.to_json(), "contents": [asdict(content) for content in contents]}
        last = self._packed(_MANIFEST, _json(manifest))
        last += self._counted(_trailer(self._header, self._sha256.hexdigest()))
        return last, Whole(contents, self._bytes, self._sha256.hexdigest())

    def _packed(self, name: str, content: bytes) -> bytes:
        packed = zlib.compress(content, _LEVEL, wbits=31)
        if self._recipient is None:
            return self._member(name, packed)
        return self._member(f"{name}.age", pyrage.encrypt(packed, [self._recipient]))

    def _member(self, name: str, content: bytes) -> bytes:
        return self._counted(_member(self._header, name, content))

    def _counted(self, data: bytes) -> bytes:
        self._sha256.update(data)
        self._bytes += len(data)
        return data


class Reader:
    """Reads a backup once, from its first byte to its last: `open`, then `rows` of each table in order, then `end`.

    All raise BackupRefused for a file that is not a whole backup of ours. Only after `end` is it known to be one.
    """

    def __init__(self, source: AsyncIterator[bytes], place: str, passphrase: str | None) -> None:
        """place: names the file in messages."""
        self._source = source
        self.place = place
        self._passphrase = passphrase
        self._buffer = bytearray()
        self._sha256, self._bytes = hashlib.sha256(), 0
        self._identity: pyrage.x25519.Identity | None = None
        self._next: tuple[str, bytes] | None = None
        self._sums: dict[str, _Sum] = {}
        self.header: Header

    async def open(self) -> Header:
        """Read what the backup is. Refuses a newer format, and a passphrase that is missing or wrong."""
        name, content = await self._read_member(first=True)
        if name != _HEADER:
            raise self._not_ours()
        self.header = self._header(content)
        if self.header.encrypted:
            if self._passphrase is None:
                raise self._refused("is encrypted; set BACKUP_PASSPHRASE, or BACKUP_PASSPHRASE_FILE to a file with it")
            name, content = await self._read_member()
            if name != _KEY:
                raise self._damaged()
            await asyncio.to_thread(self._open_key, content, self._passphrase)
        return self.header

    async def rows(self, table: Table) -> AsyncIterator[bytes]:
        """Yield the rows of the next table, a piece at a time."""
        one = self._sums[table.name] = _Sum()
        number = 0
        while True:
            name, content = await self._upcoming()
            if name != self._suffixed(_piece_name(table.name, number + 1)):
                return
            self._next = None
            number += 1
            rows = await asyncio.to_thread(self._unpacked, content)
            one.add(rows)
            yield rows

    async def end(self) -> Whole:
        """Read to the end of the file and compare all checksums."""
        name, content = await self._upcoming()
        if name != self._suffixed(_MANIFEST):
            raise self._damaged()
        contents = tuple(one.content(table) for table, one in self._sums.items())
        expected = {**self.header.to_json(), "contents": [asdict(one) for one in contents]}
        if self._unpacked(content) != _json(expected):
            raise self._damaged()
        trailer = _trailer(self.header, self._sha256.hexdigest())
        if await self._read(len(trailer)) != trailer or self._buffer or await self._more():
            raise self._damaged()
        return Whole(contents, self._bytes, self._sha256.hexdigest())

    def _header(self, content: bytes) -> Header:
        """Read backup.json, which proves by its own checksum that it is whole."""
        try:
            found = json.loads(content)
            if _with_checksum({name: value for name, value in found.items() if name != "sha256"}) != content:
                raise self._damaged()
            if found["format"] > FORMAT:
                raise self._refused(
                    f"has format {found['format']}, written by version {found['app']}; this version, {__version__},"
                    f" reads up to {FORMAT}: install the newer one"
                )
            return Header(
                app=found["app"],
                schema=found["schema"],
                database_id=UUID(found["database_id"]),
                taken_at=datetime.fromisoformat(found["taken_at"]),
                horizon=found["horizon"],
                database_bytes=found["database_bytes"],
                encrypted=found["encrypted"],
                tables=tuple(Table(table["name"], tuple(table["columns"])) for table in found["tables"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._damaged() from error

    def _open_key(self, content: bytes, passphrase: str) -> None:
        try:
            key = unsealed(content, passphrase).decode().strip()
            self._identity = pyrage.x25519.Identity.from_str(key)
        except (WrongPassphrase, pyrage.IdentityError, UnicodeDecodeError) as error:
            raise self._refused("cannot be opened: the passphrase is wrong (BACKUP_PASSPHRASE)") from error

    def _suffixed(self, name: str) -> str:
        return f"{name}.age" if self.header.encrypted else name

    def _unpacked(self, content: bytes) -> bytes:
        try:
            packed = content if self._identity is None else pyrage.decrypt(content, [self._identity])
            unpacking = zlib.decompressobj(wbits=31)
            content = unpacking.decompress(packed, PIECE_BYTES + 1)
        except (pyrage.DecryptError, zlib.error) as error:
            raise self._damaged() from error
        if not unpacking.eof or unpacking.unused_data or len(content) > PIECE_BYTES:
            raise self._damaged()
        return content

    async def _upcoming(self) -> tuple[str, bytes]:
        if self._next is None:
            self._next = await self._read_member()
        return self._next

    async def _read_member(self, *, first: bool = False) -> tuple[str, bytes]:
        """Return name and content of the next member."""
        block = await self._read(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise (self._not_ours() if first else self._damaged()) from error
        if not 0 <= info.size <= _MEMBER_LIMIT:
            raise self._damaged()
        padded = await self._read(_padded(info.size))
        return info.name, padded[: info.size]

    async def _read(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        while len(self._buffer) < size:
            if not await self._more():
                if self._bytes == 0 and not _HEADER.encode().startswith(self._buffer[: len(_HEADER)]):
                    raise self._not_ours()
                raise self._refused(
                    f"is cut short: it ends after {self._bytes + len(self._buffer):,} bytes; it was not copied whole"
                )
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._sha256.update(data)
        self._bytes += size
        return data

    async def _more(self) -> bool:
        """Read on; False at the end of the file."""
        data = await anext(self._source, b"")
        self._buffer += data
        return bool(data)

    def _not_ours(self) -> BackupRefused:
        return self._refused("is no backup of claude-memory, or its beginning is damaged")

    def _damaged(self) -> BackupRefused:
        return self._refused("is damaged: its content does not fit its checksums; use another copy or another backup")

    def _refused(self, why: str) -> BackupRefused:
        return BackupRefused(f"{self.place} {why}")


def _piece_name(table: str, number: int) -> str:
    return f"{table}/{number:06}.copy.gz"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _with_checksum(value: dict[str, Any]) -> bytes:
    """Return JSON that holds the SHA-256 of itself without it."""
    return _json({**value, "sha256": hashlib.sha256(_json(value)).hexdigest()})


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _member(header: Header, name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o600, int(header.taken_at.astimezone(UTC).timestamp())
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(_padded(len(content)) - len(content))


def _trailer(header: Header, checksum: str) -> bytes:
    return _member(header, _CHECK, f"{checksum}\n".encode()) + _END
