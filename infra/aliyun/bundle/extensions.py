"""Makes compiled extensions small: only what the dynamic loader reads of them stays.

Some wheels carry symbols and debugging sections, up to nine tenths of a file. `strip` would remove them, but it is not
on every machine, and its versions write different bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

_ELF64 = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that manylinux x86-64 has
_HEADER_BYTES = 64
_PLACES = struct.Struct("<QQ")  # at 32: where program headers and section headers are
_COUNTS = struct.Struct("<6H")  # at 52: header bytes; bytes and count of both tables; the section of names
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")


def strip_below(folder: Path) -> int:
    """Strip all extensions and libraries below a folder; return how many bytes that removed."""
    removed = 0
    for file in folder.rglob("*"):
        if ".so" in file.suffixes and file.is_file():
            content = file.read_bytes()
            small = stripped(content)
            removed += len(content) - len(small)
            file.write_bytes(small)
    return removed


def stripped(content: bytes) -> bytes:
    """Return an ELF file with its segments alone; what lies between them becomes zeros, which compress to nothing."""
    if not content.startswith(_ELF64):
        return content
    table, _ = _PLACES.unpack_from(content, 32)
    _, entry_bytes, entries, *_ = _COUNTS.unpack_from(content, 52)
    kept = [(0, _HEADER_BYTES), (table, table + entry_bytes * entries)]
    for number in range(entries):
        _, _, offset, _, _, size, _, _ = _PROGRAM_HEADER.unpack_from(content, table + number * entry_bytes)
        kept.append((offset, offset + size))
    small = bytearray(max(end for _, end in kept))
    for begin, end in kept:
        small[begin:end] = content[begin:end]
    _PLACES.pack_into(small, 32, table, 0)
    struct.pack_into("<3H", small, 58, 0, 0, 0)  # no section headers any more
    return bytes(small)
