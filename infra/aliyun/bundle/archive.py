"""Zip archives whose bytes depend on their files' names and contents alone.

zipfile compresses with the machine's zlib, and zlib, zlib-ng and those of processors give different bytes. Here
libdeflate compresses, of the version that requirements/aliyun.txt pins, which gives the same on every machine.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import deflate
from fastcrc import crc64

LEVEL = 9  # of libdeflate's 12: the higher ones take five times as long for 2 %
_STORED, _DEFLATED = 0, 8
_VERSION, _UNIX, _UTF8 = 20, 3, 1 << 11
_DATE, _TIME = (1 << 5) | 1, 0  # 1980-01-01 00:00, the first day that a zip can name
_MODE = 0o100644 << 16
_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL_HEADER = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_END_RECORD = struct.Struct("<4sHHHHIIH")


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip archive as the program uploads it.

    path: relative to the checkout. crc64: CRC-64/XZ as a decimal number, as the object store and the function have it.
    """

    path: str
    sha256: str
    crc64: str
    bytes: int
    unpacked_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive, compressed already."""

    name: str
    method: int
    crc: int
    size: int
    data: bytes


def entry(name: str, content: bytes) -> Entry:
    """Return a file of an archive: compressed, unless that makes it larger."""
    packed = deflate.deflate_compress(content, LEVEL)
    method, data = (_DEFLATED, bytes(packed)) if len(packed) < len(content) else (_STORED, content)
    return Entry(name, method, zlib.crc32(content), len(content), data)


def entries_below(folder: Path, prefix: str) -> Iterator[Entry]:
    """Yield all files below a folder, their names below a prefix such as `python/`."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield entry(prefix + file.relative_to(folder).as_posix(), file.read_bytes())


def entries_of(file: Path) -> Iterator[Entry]:
    """Yield the files of an archive of ours as they are, compressed."""
    with ZipFile(file) as listed, file.open("rb") as source:
        for info in listed.infolist():
            source.seek(info.header_offset + _LOCAL_HEADER.size + len(info.filename.encode()))
            yield Entry(info.filename, info.compress_type, info.CRC, info.file_size, source.read(info.compress_size))


def write(entries: Iterable[Entry], file: Path) -> None:
    """Write an archive, its files in the order of their names."""
    central = bytearray()
    count = offset = 0
    with file.open("wb") as target:
        for one in sorted(entries, key=lambda one: one.name.encode()):
            name = one.name.encode()
            flags = 0 if one.name.isascii() else _UTF8
            facts = (flags, one.method, _TIME, _DATE, one.crc, len(one.data), one.size, len(name), 0)
            target.write(_LOCAL_HEADER.pack(_LOCAL, _VERSION, *facts) + name + one.data)
            central += _CENTRAL_HEADER.pack(_CENTRAL, _VERSION, _UNIX, _VERSION, *facts, 0, 0, 0, _MODE, offset) + name
            offset += _LOCAL_HEADER.size + len(name) + len(one.data)
            count += 1
        target.write(central + _END_RECORD.pack(_END, 0, 0, count, count, len(central), offset, 0))


def described(file: Path, root: Path) -> Archive:
    """Return what the program needs to know of an archive. root: the checkout."""
    content = file.read_bytes()
    with ZipFile(file) as listed:
        sizes = [info.file_size for info in listed.infolist()]
    return Archive(
        path=file.relative_to(root).as_posix(),
        sha256=hashlib.sha256(content).hexdigest(),
        crc64=str(crc64.xz(content)),
        bytes=len(content),
        unpacked_bytes=sum(sizes),
        files=len(sizes),
    )
