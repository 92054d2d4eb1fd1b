from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from infra.aliyun.bundle.archive import Entry, described, entries_below, entries_of, entry, write

TEXT = b"The quick brown fox jumps over the lazy dog. " * 20


def archive(folder: Path, entries: list[Entry]) -> Path:
    file = folder / "made.zip"
    write(entries, file)
    return file


def test_zipfile_reads_what_was_written(tmp_path: Path) -> None:
    made = archive(tmp_path, [entry("app/b.py", TEXT), entry("app/a.py", b""), entry("läden.txt", b"x")])

    with zipfile.ZipFile(made) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["app/a.py", "app/b.py", "läden.txt"]
        assert packed.read("app/b.py") == TEXT
        assert packed.read("läden.txt") == b"x"


def test_every_file_has_the_same_time_and_mode(tmp_path: Path) -> None:
    made = archive(tmp_path, [entry("a", TEXT), entry("b", b"1")])

    with zipfile.ZipFile(made) as packed:
        facts = {(info.date_time, info.external_attr >> 16, info.create_system) for info in packed.infolist()}
    assert facts == {((1980, 1, 1, 0, 0, 0), 0o100644, 3)}


def test_the_bytes_are_these_on_every_machine(tmp_path: Path) -> None:
    """The hash is a constant: another version of libdeflate, and a change of the format, show here."""
    made = archive(tmp_path, [entry("a.txt", TEXT), entry("b.bin", bytes(range(256)))])

    assert hashlib.sha256(made.read_bytes()).hexdigest() == HASH


def test_the_order_in_which_files_come_does_not_matter(tmp_path: Path) -> None:
    entries = [entry("b", TEXT), entry("a/c", b"2"), entry("a.py", b"1")]

    first = archive(tmp_path, entries).read_bytes()

    assert archive(tmp_path, entries[::-1]).read_bytes() == first


def test_what_does_not_compress_is_stored(tmp_path: Path) -> None:
    made = archive(tmp_path, [entry("a", bytes(range(256)))])

    with zipfile.ZipFile(made) as packed:
        assert packed.getinfo("a").compress_type == zipfile.ZIP_STORED


def test_files_of_an_archive_go_into_another_as_they_are(tmp_path: Path) -> None:
    entries = [entry("python/a.py", TEXT), entry("python/ü", b"")]
    made = archive(tmp_path, entries)

    assert list(entries_of(made)) == entries


def test_files_below_a_folder_get_its_prefix(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_bytes(TEXT)

    assert list(entries_below(tmp_path / "a", "python/")) == [entry("python/b/c.txt", TEXT)]


def test_an_archive_is_described_for_the_program(tmp_path: Path) -> None:
    made = archive(tmp_path, [entry("a", TEXT), entry("b", b"123")])

    found = described(made, tmp_path)

    content = made.read_bytes()
    assert found.path == "made.zip"
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.crc64 == str(crc64_by_bits(content))
    assert (found.bytes, found.unpacked_bytes, found.files) == (len(content), len(TEXT) + 3, 2)


def test_the_checksum_is_the_one_of_the_object_store() -> None:
    assert crc64_by_bits(b"123456789") == 0x995DC9BBDF1939FA, "the check value of CRC-64/XZ"


def crc64_by_bits(content: bytes) -> int:
    """Return CRC-64/XZ, worked out bit by bit as it is defined."""
    crc = (1 << 64) - 1
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return crc ^ ((1 << 64) - 1)


HASH = "611381189cf6a65d808c46fdf4a99b7c12bfc829692e3d7c3cc17e33dcf15b7b"
