"""Makes the bytes of a backup file."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict

import pyrage

from app.ops.backup.archive import (
    HEADER_NAME,
    KEY_NAME,
    MANIFEST_NAME,
    Header,
    TableSum,
    Whole,
    as_json,
    member,
    piece_name,
    trailer,
    with_checksum,
)
from app.ops.backup.key import sealed

_LEVEL = 1  # of gzip: a third larger than the default level's, at a quarter of its time


class ArchiveWriter:
    """Makes the bytes of a backup: `begin`, then `rows` table by table, then `end`."""

    def __init__(self, header: Header, passphrase: str | None) -> None:
        self._header = header
        self._passphrase = passphrase
        self._recipient: pyrage.x25519.Recipient | None = None
        self._sums = {table.name: TableSum() for table in header.tables}
        self._pieces = dict.fromkeys(self._sums, 0)
        self._sha256, self._bytes = hashlib.sha256(), 0

    def begin(self) -> bytes:
        """Return the first bytes. With a passphrase this takes half a second and 128 MB, so that guessing is slow."""
        start = self._add_member(HEADER_NAME, with_checksum(self._header.to_json()))
        if self._passphrase is not None:
            identity = pyrage.x25519.Identity.generate()
            self._recipient = identity.to_public()
            start += self._add_member(KEY_NAME, sealed(f"{identity}\n".encode(), self._passphrase))
        return start

    def rows(self, table: str, rows: bytes) -> bytes:
        """Return the bytes for a piece of a table, at most PIECE_BYTES long."""
        self._sums[table].add(rows)
        self._pieces[table] += 1
        return self._packed(piece_name(table, self._pieces[table]), rows)

    def end(self) -> tuple[bytes, Whole]:
        """Return the last bytes and the totals of the file."""
        contents = tuple(table_sum.content(table) for table, table_sum in self._sums.items())
        manifest = {**self._header.to_json(), "contents": [asdict(content) for content in contents]}
        last = self._packed(MANIFEST_NAME, as_json(manifest))
        last += self._counted(trailer(self._header, self._sha256.hexdigest()))
        return last, Whole(contents, self._bytes, self._sha256.hexdigest())

    def _packed(self, name: str, content: bytes) -> bytes:
        packed = zlib.compress(content, _LEVEL, wbits=31)
        if self._recipient is None:
            return self._add_member(name, packed)
        return self._add_member(f"{name}.age", pyrage.encrypt(packed, [self._recipient]))

    def _add_member(self, name: str, content: bytes) -> bytes:
        return self._counted(member(self._header, name, content))

    def _counted(self, data: bytes) -> bytes:
        self._sha256.update(data)
        self._bytes += len(data)
        return data
