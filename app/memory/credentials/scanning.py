"""Finds all matches in a text of any length without holding the interpreter for long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """A credential's place and kind."""

    start: int
    end: int
    kind: str


WINDOW = 32_768  # characters; the slowest pattern needs 5 ms for them, after which other threads may run
_OVERLAP = 512  # more than any pattern looks at before it is known to match


def found(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Return a pattern's matches as `finditer` does; what is longer than a window may be cut at its end."""
    return pattern.finditer(text) if len(text) <= WINDOW else _in_windows(pattern, text)


def _in_windows(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    at = 0
    for start in range(0, len(text), WINDOW):
        stop = start + WINDOW
        for match in pattern.finditer(text, max(at, start), min(len(text), stop + _OVERLAP)):
            if match.start() >= stop:
                break
            at = match.end()
            yield match
