"""Cuts a text into slices that can be normalised one by one, so that no call keeps all other threads waiting for long.

A call into C holds Python's lock until it returns, in whatever thread it runs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

SLICE_CHARACTERS = 20_000  # take about a millisecond to normalise


def sliced(text: str, size: int = SLICE_CHARACTERS) -> Iterator[str]:
    """Yield a text in slices of about `size` characters, whose composed forms (NFC) make up that of the text.

    No run of marks may be longer than that.
    """
    start = 0
    while len(text) - start > size:
        end = _border(text, start + size)
        yield text[start:end]
        start = end
    yield text[start:]


def _border(text: str, at: int) -> int:
    """Return the next place at which nothing composes with what stands before.

    There is one soon: three characters without marks are the most that make one (a syllable of Hangul).
    """
    while at < len(text) and not _is_apart(text, at):
        at += 1
    return at


def _is_apart(text: str, at: int) -> bool:
    if text[at].isascii():
        return True
    if unicodedata.combining(unicodedata.normalize("NFD", text[at])[0]):
        return False
    before = text[max(at - 3, 0) : at]
    composed = unicodedata.normalize("NFC", before)
    return unicodedata.normalize("NFC", before + text[at]) == composed + unicodedata.normalize("NFC", text[at])
