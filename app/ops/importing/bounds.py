"""Says what a JSON text would take in memory before it is parsed, so that a small file cannot take all of it.

`[],` has 3 bytes and becomes 64, so the length of a text alone says little. What is counted here is no less than what
Python's parser takes, and little more for what people write: texts cost what they are.
"""

from __future__ import annotations

import re
import sys

TEXT_LIMIT_BYTES = 24 << 20  # of a value as Python holds it: a character may have 1, 2 or 4 bytes
_VALUES_LIMIT_BYTES = 96 << 20  # of what becomes of it, its longer texts aside
_HARMLESS_CHARACTERS = 1 << 20  # no text of this length comes near the limits
# What one more of these marks may add, in bytes (CPython 3.11 to 3.14): an object with one member 184, a list with one
# element 88, a text 50 beside its characters, a number 32 and its place in a list, a member of a large object 80.
_COSTS = {"{": 184, "[": 88, '"': 20, ",": 44, ":": 80}

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # possessive: a long text takes no memory
_LONG_CHARACTERS = re.compile(rb"[\xf0-\xf7]")  # begins a character that makes its whole text 4 bytes a character
_CONTINUES = bytes(range(0x80, 0xC0))
_LONG_NUMBER = re.compile(r"(?<![0-9])[0-9]{4301}")  # int takes 4,300: sys.int_info.default_max_str_digits


def too_large(text: str) -> str | None:
    """Return why a text takes too much memory to be parsed; None when it does not."""
    if len(text) <= _HARMLESS_CHARACTERS:
        return None
    if sys.getsizeof(text) > TEXT_LIMIT_BYTES:
        return f"is longer than {TEXT_LIMIT_BYTES:,} bytes"
    if _values_bytes(text) > _VALUES_LIMIT_BYTES and _values_bytes(_STRING.sub('""', text)) > _VALUES_LIMIT_BYTES:
        return "has too many parts to be held in memory"
    return None


def _values_bytes(text: str) -> int:
    return sum(text.count(mark) * cost for mark, cost in _COSTS.items())


def decodes_to_bytes(data: bytes) -> int:
    """Return how much memory the text of UTF-8 takes."""
    if data.isascii():
        return len(data)
    width = 4 if _LONG_CHARACTERS.search(data) is not None else 2
    return width * len(data.translate(None, _CONTINUES))


def long_number(text: str, at: int = 0) -> int:
    """Return where a number begins that has more digits than Python parses; -1 when there is none."""
    found = _LONG_NUMBER.search(text, at)
    return -1 if found is None else found.start()
