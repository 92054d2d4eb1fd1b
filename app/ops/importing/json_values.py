"""Reads a JSON file of another program value by value: the members of an array, or values one after the other.

Python's own parser is fed with a growing piece of the file, so one value at a time is in memory. Unlike ijson it can go
on after a place that is broken: what comes before the place in a value is kept, and the next value is found by the keys
that values of this file begin with. So is the one after a value that would take too much memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from app.ops.importing.bounds import long_number, too_large
from app.ops.importing.damage import before_damage, without_damage
from app.ops.importing.entries import BadEntry, Position
from app.ops.importing.repair import Texts

_READ_BYTES = 1 << 18
_READ_AT_MOST_BYTES = 8 << 20
_REPAIRED_CHARACTERS = 8 << 20  # of a longer value with a broken place, nothing is read: that takes copies of it
_OVERLAP = 4_096  # a beginning of a value that is parted by the end of a piece is seen in the next one
_LET_GO_CHARACTERS = 1 << 20  # a text of this length is not kept beside the value that was read from it
_NEAR_THE_END = 16  # an error this near to the end of what was read may only mean that more is needed

_REST_NOT_READ = "what comes after it was not read"
_LONG_NUMBER = "has a number of over 4,300 digits"

_BETWEEN = re.compile(r"[\s,]*")
_VALUE = r'(?:"(?:[^"\\]|\\.){0,2000}+"|[^",{}\[\]]{1,2000}+)'
_TWO_KEYS = re.compile(rf'\{{\s*"([^"\\]{{1,60}})"\s*:\s*{_VALUE}\s*,\s*"([^"\\]{{1,60}})"\s*:')


def values(
    stream: IO[bytes], file: str | None, what: str, begins: tuple[str, str] | None = None
) -> Iterator[tuple[Position, dict[str, Any] | BadEntry]]:
    """Yield the JSON objects of a file, and what is wrong with the rest.

    what: the name of one in positions. begins: its first two keys, in case the first one of the file is broken.
    """
    reader = _Reader(stream, begins)
    for number, value in enumerate(reader.read(), 1):
        position = Position(file=file, part=f"{what} {number}")
        if isinstance(value, dict):
            yield position, value
        elif isinstance(value, _Broken):
            if value.rest:
                yield position, value.rest
            yield position, BadEntry(position=position, reason=value.reason)
        else:
            yield position, BadEntry(position=position, reason="is not a JSON object")


class _Broken:
    """A value that is no JSON. rest: what could be read of it, if anything."""

    def __init__(self, reason: str, rest: dict[str, Any] | None = None) -> None:
        self.reason = reason
        self.rest = rest


class _Reader:
    """Reads values from a piece of the file that grows until it holds a whole one."""

    def __init__(self, stream: IO[bytes], begins: tuple[str, str] | None) -> None:
        self._texts = Texts(stream, blank=True)  # control characters mean nothing between values, and harm in texts
        self._known = None if begins is None else _with_keys(*begins)
        self._text = ""
        self._decoder = json.JSONDecoder(strict=False)
        self._start: re.Pattern[str] | None = None  # how a value begins
        self._too_large: str | None = None  # why the text that was read so far is not parsed

    def read(self) -> Iterator[Any]:
        """Yield the values, and a _Broken for each that is none."""
        self._more()
        self._text = self._text.lstrip("\ufeff \t\n\r")
        in_array = self._text.startswith("[")
        at = 1 if in_array else 0
        while True:
            at = self._next(at)
            if at < 0:
                return
            if in_array and self._text.startswith("]", at):
                at += 1  # the end, unless it stands where a broken byte put it
                continue
            if (why := self._too_large) is not None:
                at, told = self._after(at, why)
                yield told
                continue
            try:
                value, end = self._decoder.raw_decode(self._text, at)
            except RecursionError:
                at, told = self._after(at, "is nested too deeply")
                yield told
                continue
            except ValueError as error:
                if self._may_go_on(error):
                    self._text, at = self._text[at:], 0
                    self._more()
                    continue
                at, told = self._broken(error, at)
                yield told
                continue
            if self._start is None:
                self._start = _beginning(self._text, at)
            at = end
            if end > _LET_GO_CHARACTERS:
                self._text, at = self._text[end:], 0
            yield from value if isinstance(value, list) else [value]  # a broken byte may have begun an array
            value = None

    def _more(self) -> None:
        size = max(_READ_BYTES, len(self._text))  # twice as much each time, so that parsing again stays cheap
        self._text += self._texts.read(min(size, _READ_AT_MOST_BYTES))
        self._too_large = too_large(self._text)

    def _next(self, at: int) -> int:
        """Return where the next value begins; -1 at the end of the file."""
        while True:
            found = _BETWEEN.match(self._text, at)
            at = found.end() if found is not None else at
            if at < len(self._text):
                return at
            if self._texts.ended:
                return -1
            self._text, at = "", 0
            self._more()

    def _may_go_on(self, error: ValueError) -> bool:
        if self._texts.ended or not isinstance(error, json.JSONDecodeError):
            return False
        return error.pos >= len(self._text) - _NEAR_THE_END or error.msg.startswith("Unterminated string")

    def _broken(self, error: ValueError, at: int) -> tuple[int, _Broken]:
        """Return where to go on after a broken value, and what can be read of it."""
        if isinstance(error, json.JSONDecodeError):
            where, why = error.pos, f"is not JSON ({error.msg})"
        else:
            where, why = max(at, long_number(self._text, at)), _LONG_NUMBER
        start = self._start or _beginning(self._text, at) or self._known
        while (found := _found(start, self._text, max(where, at + 1))) < 0 and not self._texts.ended:
            if len(self._text) - at > _REPAIRED_CHARACTERS:
                return self._after(at, why)
            self._more()
        end = found if found >= 0 else len(self._text)
        text = self._text[at:end]
        rest = without_damage(text, where - at, self._decoder) or before_damage(text, where - at, self._decoder)
        if rest is not None:
            return end, _Broken(f"{why}; a part of it was read", rest)
        return end, _Broken(why if found >= 0 else f"{why}; {_REST_NOT_READ}")

    def _after(self, at: int, why: str) -> tuple[int, _Broken]:
        """Return where the next value begins after one of which nothing is read, and what is wrong with that one."""
        start = self._start or _beginning(self._text, at) or self._known
        at += 1
        while (found := _found(start, self._text, at)) < 0 and not self._texts.ended:
            self._text, at = self._text[max(at, len(self._text) - _OVERLAP) :] if start is not None else "", 0
            self._more()
        if found < 0:
            self._text, found, why = "", 0, f"{why}; {_REST_NOT_READ}"
        self._text, self._too_large = self._text[found:], None
        return 0, _Broken(why)


def _found(start: re.Pattern[str] | None, text: str, at: int) -> int:
    found = None if start is None else start.search(text, at)
    return -1 if found is None else found.start()


def _beginning(text: str, at: int) -> re.Pattern[str] | None:
    """Return how to find values like the one at a place: by their first two keys."""
    if (keys := _TWO_KEYS.match(text, at)) is None:
        return None
    return _with_keys(keys[1], keys[2])


def _with_keys(first: str, second: str) -> re.Pattern[str]:
    return re.compile(rf'\{{\s*"{re.escape(first)}"\s*:\s*{_VALUE}\s*,\s*"{re.escape(second)}"\s*:')
