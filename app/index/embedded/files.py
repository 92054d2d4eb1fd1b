"""The files of segments, which are written whole and then only mapped for reading.

So a full disk is an error when one is written, and no signal. Each ends with its checksum, which is compared when it is
opened.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.durable import replacing
from app.index.embedded.lists import Damaged
from app.index.embedded.segment import COLUMNS, Segment

_MAGIC = b"CMSEG\x00\x00\x01"
_ALIGNED = 64
_READ_AT_ONCE = 1 << 20


def write_segment(path: Path, segment: Segment) -> None:
    """Write a segment durably. Raises OSError."""
    arrays = [np.ascontiguousarray(getattr(segment, name)) for name in COLUMNS]
    described, at = [], 0
    for name, array in zip(COLUMNS, arrays, strict=True):
        described.append([name, array.dtype.str, list(array.shape), at])
        at += _padded(array.nbytes)
    header = json.dumps({"names": segment.names, "model": segment.model, "arrays": described}).encode()
    begin = np.frombuffer(_MAGIC + len(header).to_bytes(8, "little") + header, "u1")
    with replacing(path, alone=True) as file:
        checksum = 0
        for array in (begin, *arrays):
            raw = array.reshape(-1).view("u1") if array.size else array
            for piece in (*_pieces(raw.data if array.size else b""), bytes(_padded(array.nbytes) - array.nbytes)):
                file.write(piece)
                checksum = zlib.crc32(piece, checksum)
        file.write(checksum.to_bytes(4, "little"))


def _pieces(raw: memoryview | bytes) -> Iterator[memoryview | bytes]:
    for first in range(0, len(raw), _READ_AT_ONCE):
        yield raw[first : first + _READ_AT_ONCE]


def read_segment(path: Path) -> Segment:
    """Map a segment's file. Raises Damaged."""
    try:
        with path.open("rb", buffering=0) as file:
            _check(file.fileno(), path)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if mapped[: len(_MAGIC)] != _MAGIC:
            raise Damaged(f"{path.name} is of another format")
        length = int.from_bytes(mapped[8:16], "little")
        header = json.loads(mapped[16 : 16 + length])
        base = _padded(16 + length)
        arrays = {
            name: np.frombuffer(mapped, kind, int(np.prod(shape)), base + at).reshape(shape)
            for name, kind, shape, at in header["arrays"]
        }
        return Segment(names=tuple(header["names"]), model=header["model"], **arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path.name} cannot be read ({type(error).__name__})") from error


def _check(descriptor: int, path: Path) -> None:
    """Compare a file with its checksum, without mapping it: what is mapped counts as this process's memory."""
    left, checksum = os.fstat(descriptor).st_size - 4, 0
    while left > 0:
        part = os.read(descriptor, min(left, _READ_AT_ONCE))
        if not part:
            break
        checksum = zlib.crc32(part, checksum)
        left -= len(part)
    if left or os.read(descriptor, 4) != checksum.to_bytes(4, "little"):
        raise Damaged(f"{path.name} is damaged")


def _padded(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED
