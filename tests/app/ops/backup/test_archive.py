"""The file of a backup: what is written comes back, and nothing else is taken for it."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ops.backup.archive import PIECE_BYTES, Header, Reader, Whole, Writer, _member, _trailer
from app.ops.backup.errors import BackupRefused
from app.store.snapshots import Table

PASSPHRASE = "correct horse"
TABLES = (Table("first", ("id", "text")), Table("empty", ("id",)), Table("last", ("id", "größe")))
ROWS = {"first": [b"1\tone\n2\tt", b"wo\n"], "empty": [], "last": [b"3\t\\N\n"]}


def header(*, encrypted: bool = False) -> Header:
    moment = datetime(2026, 5, 8, 12, 0, 0, 123456, UTC)
    return Header("1.2.3", 7, UUID(int=5), moment, 700, 8_000_000, encrypted, TABLES)


def written(passphrase: str | None = None, rows: dict[str, list[bytes]] = ROWS) -> tuple[bytes, Whole]:
    writer = Writer(header(encrypted=passphrase is not None), passphrase)
    data = writer.begin()
    for table, pieces in rows.items():
        for piece in pieces:
            data += writer.rows(table, piece)
    last, whole = writer.end()
    return data + last, whole


PLAIN, WHOLE = written()
ENCRYPTED, _ = written(PASSPHRASE)


async def source(data: bytes, step: int = 700) -> AsyncIterator[bytes]:
    for first in range(0, len(data), step):
        yield data[first : first + step]


async def read(data: bytes, passphrase: str | None = None, step: int = 700) -> tuple[dict[str, bytes], Whole]:
    reader = Reader(source(data, step), "the file", passphrase)
    found = await reader.open()
    rows = {table.name: b"".join([piece async for piece in reader.rows(table)]) for table in found.tables}
    return rows, await reader.end()


@pytest.mark.parametrize("step", [1, 511, 512, 1 << 20])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
async def test_what_is_written_comes_back(passphrase, step):
    data = PLAIN if passphrase is None else ENCRYPTED

    rows, whole = await read(data, passphrase, step)

    assert rows == {table: b"".join(pieces) for table, pieces in ROWS.items()}
    assert whole.bytes == len(data)
    assert [(one.table, one.rows) for one in whole.tables] == [("first", 2), ("empty", 0), ("last", 1)]


async def test_the_checksum_is_that_of_the_whole_file():
    assert hashlib.sha256(PLAIN).hexdigest() == WHOLE.sha256 == (await read(PLAIN))[1].sha256


async def test_any_flipped_bit_is_caught():
    for bit in range(0, 8 * len(PLAIN), 11):  # each of the eight places in a byte, and each kind of byte
        await refused_when_flipped(PLAIN, None, bit)


@given(bit=st.integers(0, 8 * len(ENCRYPTED) - 1))
@settings(max_examples=25)  # each takes half a second, as guessing a passphrase shall
async def test_any_flipped_bit_of_an_encrypted_one_is_caught(bit):
    await refused_when_flipped(ENCRYPTED, PASSPHRASE, bit)


async def refused_when_flipped(data: bytes, passphrase: str | None, bit: int) -> None:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BackupRefused):
        await read(bytes(damaged), passphrase)


@given(length=st.integers(0, len(PLAIN) - 1))
async def test_a_file_cut_short_anywhere_is_caught_and_named(length):
    with pytest.raises(BackupRefused, match="cut short"):
        await read(PLAIN[:length])


async def test_more_than_the_file_is_caught():
    for more in (b"\0", b"\0" * 512, PLAIN):
        with pytest.raises(BackupRefused, match="damaged"):
            await read(PLAIN + more)


async def test_a_piece_left_out_repeated_or_exchanged_is_caught_though_the_file_was_sealed_again():
    two = {"first": [b"1\tone\n", b"2\ttwo\n"], "empty": [], "last": []}
    with tarfile.open(fileobj=io.BytesIO(written(rows=two)[0])) as archive:
        members = [(info.name, archive.extractfile(info).read()) for info in archive][:-1]
    start, (_, one), (_, two_), end = members[0], members[1], members[2], members[3]

    def sealed(*pieces: bytes) -> bytes:
        named = [(f"first/{number:06}.copy.gz", piece) for number, piece in enumerate(pieces, 1)]
        body = b"".join(_member(header(), name, content) for name, content in [start, *named, end])
        return body + _trailer(header(), hashlib.sha256(body).hexdigest())

    assert (await read(sealed(one, two_)))[1].rows == 2
    for wrong in ([two_, one], [one, one], [one], [one, two_, two_], []):
        with pytest.raises(BackupRefused, match="damaged"):
            await read(sealed(*wrong))


@pytest.mark.parametrize("wrong", ["", "correct horsf", "Correct horse"])
async def test_a_wrong_passphrase_is_refused(wrong):
    with pytest.raises(BackupRefused, match="the passphrase is wrong"):
        await read(ENCRYPTED, wrong)


async def test_no_passphrase_is_refused_with_what_to_do():
    with pytest.raises(BackupRefused, match="is encrypted; set BACKUP_PASSPHRASE"):
        await read(ENCRYPTED)


@pytest.mark.parametrize(
    "content", [b"{}", b"a small text\n", b"x" * 5_000, b"\0" * 5_000, gzip.compress(b"x" * 5_000, mtime=0)]
)
async def test_something_else_is_refused(content):
    with pytest.raises(BackupRefused, match="no backup of claude-memory"):
        await read(content)


async def test_a_newer_format_is_refused_with_who_wrote_it(monkeypatch):
    monkeypatch.setattr("app.ops.backup.archive.FORMAT", 2)
    newer, _ = written()
    monkeypatch.undo()

    with pytest.raises(BackupRefused, match=r"has format 2, written by version 1\.2\.3"):
        await read(newer)


async def test_nothing_of_an_encrypted_backup_can_be_read_but_what_it_is():
    rows = {"first": [b"1\ta secret of hers\n" * 500], "empty": [], "last": []}
    data, _ = written(PASSPHRASE, rows)

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert b"secret" not in data
    assert [name for name in names if not name.endswith(".age")] == ["backup.json", "SHA256"]


def test_the_usual_tools_open_it(tmp_path):
    (tmp_path / "backup.tar").write_bytes(ENCRYPTED)
    subprocess.run(["tar", "xf", "backup.tar"], cwd=tmp_path, check=True)

    key = pyrage.passphrase.decrypt((tmp_path / "key.age").read_bytes(), PASSPHRASE).decode().strip()
    piece = (tmp_path / "first" / "000001.copy.gz.age").read_bytes()
    rows = gzip.decompress(pyrage.decrypt(piece, [pyrage.x25519.Identity.from_str(key)]))

    assert rows == ROWS["first"][0]


async def test_a_piece_that_unpacks_to_more_than_it_may_is_refused():
    bomb = {"first": [b"0" * (PIECE_BYTES + 1)], "empty": [], "last": []}

    with pytest.raises(BackupRefused, match="damaged"):
        await read(written(None, bomb)[0])
