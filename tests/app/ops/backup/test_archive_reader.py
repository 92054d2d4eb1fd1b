"""A backup's file: nothing that is not whole is taken for one."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ops.backup.archive import HEADER_NAME, PIECE_BYTES, member, trailer
from app.ops.backup.errors import BackupRefused
from tests.support.archives import ENCRYPTED, PASSPHRASE, PLAIN, header, read, written


async def test_any_flipped_bit_is_caught() -> None:
    for bit in range(0, 8 * len(PLAIN), 11):  # each of the eight places in a byte, and each kind of byte
        await refused_when_flipped(PLAIN, None, bit)


@given(bit=st.integers(0, 8 * len(ENCRYPTED) - 1))
@settings(max_examples=25)  # each takes half a second, as guessing a passphrase shall
async def test_any_flipped_bit_of_an_encrypted_one_is_caught(bit: int) -> None:
    await refused_when_flipped(ENCRYPTED, PASSPHRASE, bit)


async def refused_when_flipped(data: bytes, passphrase: str | None, bit: int) -> None:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BackupRefused):
        await read(bytes(damaged), passphrase)


@given(length=st.integers(0, len(PLAIN) - 1))
async def test_a_file_cut_short_anywhere_is_caught_and_named(length: int) -> None:
    with pytest.raises(BackupRefused, match="cut short"):
        await read(PLAIN[:length])


async def test_more_than_the_file_is_caught() -> None:
    for more in (b"\0", b"\0" * 512, PLAIN):
        with pytest.raises(BackupRefused, match="damaged"):
            await read(PLAIN + more)


async def test_a_piece_left_out_repeated_or_exchanged_is_caught_though_the_file_was_sealed_again() -> None:
    two = {"first": [b"1\tone\n", b"2\ttwo\n"], "empty": [], "last": []}
    with tarfile.open(fileobj=io.BytesIO(written(rows=two)[0])) as archive:
        streams = [(info.name, archive.extractfile(info)) for info in archive][:-1]
        members = [(name, stream.read()) for name, stream in streams if stream is not None]
    start, (_, one), (_, two_), end = members[0], members[1], members[2], members[3]

    def sealed(*pieces: bytes) -> bytes:
        named = [(f"first/{number:06}.copy.gz", piece) for number, piece in enumerate(pieces, 1)]
        body = b"".join(member(header(), name, content) for name, content in [start, *named, end])
        return body + trailer(header(), hashlib.sha256(body).hexdigest())

    assert (await read(sealed(one, two_)))[1].rows == 2
    for wrong in ([two_, one], [one, one], [one], [one, two_, two_], []):
        with pytest.raises(BackupRefused, match="damaged"):
            await read(sealed(*wrong))


@pytest.mark.parametrize("wrong", ["", "correct horsf", "Correct horse"])
async def test_a_wrong_passphrase_is_refused(wrong: str) -> None:
    with pytest.raises(BackupRefused, match="the passphrase is wrong"):
        await read(ENCRYPTED, wrong)


async def test_no_passphrase_is_refused_with_what_to_do() -> None:
    with pytest.raises(BackupRefused, match="is encrypted; set BACKUP_PASSPHRASE"):
        await read(ENCRYPTED)


@pytest.mark.parametrize(
    "content", [b"{}", b"a small text\n", b"x" * 5_000, b"\0" * 5_000, gzip.compress(b"x" * 5_000, mtime=0)]
)
async def test_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(BackupRefused, match="not a backup of claude-memory"):
        await read(content)


async def test_a_newer_format_is_refused_with_who_wrote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.ops.backup.archive.FORMAT", 2)
    newer, _ = written()
    monkeypatch.undo()

    with pytest.raises(BackupRefused, match=r"has format 2, written by version 1\.2\.3"):
        await read(newer)


async def test_a_piece_that_unpacks_to_more_than_it_may_is_refused() -> None:
    bomb = {"first": [b"0" * (PIECE_BYTES + 1)], "empty": [], "last": []}

    with pytest.raises(BackupRefused, match="damaged"):
        await read(written(None, bomb)[0])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[" * 200_000, id="depth"),
        pytest.param(b'{"format": ' + b"9" * 5_000 + b"}", id="a long number"),
        pytest.param(b"[" + b"[]," * 200_000, id="many parts"),
    ],
)
async def test_a_beginning_that_takes_too_much_is_refused(content: bytes) -> None:
    with pytest.raises(BackupRefused, match="damaged"):
        await read(member(header(), HEADER_NAME, content) + bytes(20_000))


@given(st.lists(st.binary(max_size=30) | st.integers(0, len(PLAIN)).map(lambda at: PLAIN[at : at + 700]), max_size=6))
async def test_no_file_makes_reading_fail(pieces: list[bytes]) -> None:
    with contextlib.suppress(BackupRefused):
        await read(b"".join(pieces))
    with contextlib.suppress(BackupRefused):
        await read(PLAIN[:1_024] + b"".join(pieces))
