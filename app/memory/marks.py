"""Cuts runs of combining marks, because putting a run in order takes the square of its length.

No script stacks more than a few marks. Unicode's Stream-Safe Text Format (UAX #15, section 13) has at most 30 in a row,
counted in decomposed form: U+034F, which no reader sees, stands before the next.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain

from app.memory.patterns import late

MARKS_LIMIT = 30
BREAK = "\u034f"

_OF_A_LETTER = 3  # as many marks has the character with the most in its decomposition: U+1F82
_SHORT_CHARACTERS = 13  # even of two marks each, they are no more than a run may have
# Two marks in one character, whose places in a run NFC gives to both.
_DOUBLE = {character: unicodedata.normalize("NFD", character) for character in "\u0344\u0f73\u0f75\u0f81"}
# Where all characters are that begin with a mark when decomposed, in any version of Unicode. Others are among them.
_PLACES = (
    (0x300, 0x36F), (0x483, 0x10FF), (0x1200, 0x1DFF), (0x20D0, 0x20FF), (0x2CEF, 0x2DFF), (0x302A, 0x302F),
    (0x3099, 0x309A), (0xA66F, 0xABFF), (0xFB1E, 0xFB1E), (0xFE20, 0xFE2F), (0xFF9E, 0xFF9F), (0x10000, 0x1EFFF),
)  # fmt: skip


def _class_of(*ranges: tuple[int, int]) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


_MAYBE = late(f"[{_class_of(*_PLACES)}]{{{MARKS_LIMIT - _OF_A_LETTER}}}")


def with_breaks(text: str) -> str:
    """Return a text with U+034F after each 30 marks in a row. Doing so again changes nothing, nor after NFC."""
    return _cut(text, BREAK)


def without_surplus(text: str) -> str:
    """Return a text without the marks after the first 30 in a row."""
    return _cut(text, None)


def _cut(text: str, separator: str | None) -> str:
    if len(text) <= _SHORT_CHARACTERS:
        return text
    for character, marks in _DOUBLE.items():
        if character in text:
            text = text.replace(character, marks)
    if _MAYBE.search(text) is None:
        return text
    parts: list[str] = []
    at = 0
    for run in _long_run().finditer(text):
        start = max(run.start() - 1, at)  # what it stands on may hold marks too
        parts += (text[at:start], _parted(text[start : run.end()], separator))
        at = run.end()
    return "".join((*parts, text[at:])) if parts else text


def _parted(run: str, separator: str | None) -> str:
    """Return a run with a separator after each 30 marks, or its first 30 alone. run: marks, and what they stand on."""
    base = "" if _is_mark(run[0]) else unicodedata.normalize("NFD", run[0])
    marks = base[1:] + run[bool(base) :]
    if len(marks) <= MARKS_LIMIT:
        return run
    if separator is None:
        return base[:1] + marks[:MARKS_LIMIT]
    return base[:1] + separator.join(marks[at : at + MARKS_LIMIT] for at in range(0, len(marks), MARKS_LIMIT))


def _is_mark(character: str) -> bool:
    """Whether a character begins with a mark when decomposed, so that it may change places with the one before."""
    if unicodedata.combining(character):
        return True
    decomposed = unicodedata.decomposition(character) and unicodedata.normalize("NFKD", character)
    return bool(decomposed) and unicodedata.combining(decomposed[0]) != 0


@cache
def _long_run() -> re.Pattern[str]:
    """Return the pattern of runs to look at. It takes some 20 ms to make."""
    marks: list[tuple[int, int]] = []
    for code in chain.from_iterable(range(first, last + 1) for first, last in _PLACES):
        if _is_mark(chr(code)):
            first = marks.pop()[0] if marks and marks[-1][1] == code - 1 else code
            marks.append((first, code))
    return re.compile(f"[{_class_of(*marks)}]{{{MARKS_LIMIT - _OF_A_LETTER},}}")
