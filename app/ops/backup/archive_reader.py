"""Reads the file of a backup, and refuses one that is not complete."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tarfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import pyrage

from app import __version__
from app.ops.backup.archive import (
    BLOCK_BYTES,
    FORMAT,
    HEADER_NAME,
    KEY_NAME,
    MANIFEST_NAME,
    PIECE_BYTES,
    Header,
    TableSum,
    Whole,
    as_json,
    padded,
    piece_name,
    trailer,
    with_checksum,
)
from app.ops.backup.errors import BackupRefused
from app.ops.backup.key import WrongPassphrase, unsealed
from app.store.snapshots import Table

_MEMBER_LIMIT = 16 * PIECE_BYTES  # bytes; no member comes near it, so a greater length is damage
_HEADER_LIMIT = 1 << 18  # bytes of backup.json, which has 2,000


class ArchiveReader:
    """Reads a backup once, from its first byte to its last: `open`, then `rows` of each table in order, then `end`.

    All raise BackupRefused for a file that is not a complete backup of ours. Only after `end` is it known to be one.
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
        self._sums: dict[str, TableSum] = {}
        self.header: Header

    async def open(self) -> Header:
        """Read the header. Refuses a newer format, and a passphrase that is missing or wrong."""
        name, content = await self._read_member(first=True)
        if name != HEADER_NAME:
            raise self._not_ours()
        self.header = self._header(content)
        if self.header.encrypted:
            if self._passphrase is None:
                raise self._refused("is encrypted; set BACKUP_PASSPHRASE, or BACKUP_PASSPHRASE_FILE to a file with it")
            name, content = await self._read_member()
            if name != KEY_NAME:
                raise self._damaged()
            await asyncio.to_thread(self._open_key, content, self._passphrase)
        return self.header

    async def rows(self, table: Table) -> AsyncIterator[bytes]:
        """Yield the rows of the next table, a piece at a time."""
        table_sum = self._sums[table.name] = TableSum()
        number = 0
        while True:
            name, content = await self._upcoming()
            if name != self._suffixed(piece_name(table.name, number + 1)):
                return
            self._next = None
            number += 1
            rows = await asyncio.to_thread(self._unpacked, content)
            table_sum.add(rows)
            yield rows

    async def end(self) -> Whole:
        """Read to the end of the file and compare all checksums."""
        name, content = await self._upcoming()
        if name != self._suffixed(MANIFEST_NAME):
            raise self._damaged()
        contents = tuple(table_sum.content(table) for table, table_sum in self._sums.items())
        expected = {**self.header.to_json(), "contents": [asdict(content) for content in contents]}
        if self._unpacked(content) != as_json(expected):
            raise self._damaged()
        expected_end = trailer(self.header, self._sha256.hexdigest())
        if await self._read(len(expected_end)) != expected_end or self._buffer or await self._more():
            raise self._damaged()
        return Whole(contents, self._bytes, self._sha256.hexdigest())

    def _header(self, content: bytes) -> Header:
        """Read backup.json, whose own checksum proves that it is complete."""
        try:
            values = json.loads(content)
            if with_checksum({name: value for name, value in values.items() if name != "sha256"}) != content:
                raise self._damaged()
            if values["format"] > FORMAT:
                raise self._refused(
                    f"has format {values['format']}, written by version {values['app']}; this version, {__version__},"
                    f" reads up to {FORMAT}: install the newer one"
                )
            return Header(
                app=values["app"],
                schema=values["schema"],
                database_id=UUID(values["database_id"]),
                taken_at=datetime.fromisoformat(values["taken_at"]),
                horizon=values["horizon"],
                database_bytes=values["database_bytes"],
                encrypted=values["encrypted"],
                tables=tuple(Table(table["name"], tuple(table["columns"])) for table in values["tables"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
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
        block = await self._read(BLOCK_BYTES)
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise (self._not_ours() if first else self._damaged()) from error
        if not 0 <= info.size <= _MEMBER_LIMIT:
            raise self._damaged()
        if first and info.size > _HEADER_LIMIT:
            raise self._not_ours()
        content = await self._read(padded(info.size))
        return info.name, content[: info.size]

    async def _read(self, size: int) -> bytes:
        """Return exactly `size` bytes."""
        while len(self._buffer) < size:
            if not await self._more():
                if self._bytes == 0 and not HEADER_NAME.encode().startswith(self._buffer[: len(HEADER_NAME)]):
                    raise self._not_ours()
                raise self._refused(
                    f"is cut short: it ends after {self._bytes + len(self._buffer):,} bytes; copy all of it again"
                )
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._sha256.update(data)
        self._bytes += size
        return data

    async def _more(self) -> bool:
        """Read more; False at the end of the file."""
        data = await anext(self._source, b"")
        self._buffer += data
        return bool(data)

    def _not_ours(self) -> BackupRefused:
        return self._refused("is not a backup of claude-memory, or its beginning is damaged")

    def _damaged(self) -> BackupRefused:
        return self._refused("is damaged: its content does not match its checksums; use another copy or another backup")

    def _refused(self, why: str) -> BackupRefused:
        return BackupRefused(f"{self.place} {why}")
