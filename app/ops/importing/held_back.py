"""Messages of one file that may still turn out not to count, since a later line takes them back.

What was said is a small part of such a file. It is in memory, and on disk when there is much of it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

from app.ops.importing.entries import BadEntry, Position

_IN_MEMORY_BYTES = 16 << 20
# Of one file. Each takes some 300 bytes until the end of the file tells which count; a session has some thousands.
RECORDS_LIMIT = 200_000


Record = tuple[Position, dict[str, Any] | BadEntry]


class Held(NamedTuple):
    """A message with its conversation and its line. number: in the order of the file, from 0."""

    number: int
    line: int | None
    conversation: str
    message: dict[str, Any]


class HeldBack:
    """The messages of one file, in its order."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - see __exit__
        self._dropped: set[int] = set()
        self.count = 0

    def __enter__(self) -> HeldBack:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, line: int | None, conversation: str, message: dict[str, Any]) -> int:
        """Add a message and return its number. Its values are JSON values."""
        self._file.write(json.dumps((line, conversation, message)).encode() + b"\n")
        self.count += 1
        return self.count - 1

    def drop(self, number: int, end: int | None = None) -> int:
        """Drop a message, or all from it to before `end`; return how many were still there."""
        numbers = set(range(number, number + 1 if end is None else end)) - self._dropped
        self._dropped |= numbers
        return len(numbers)

    def until_full(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield records until there are too many, or too many messages came of them; then what is wrong."""
        for number, (position, record) in enumerate(records):
            if number >= RECORDS_LIMIT or self.count >= RECORDS_LIMIT:
                reason = f"is after {RECORDS_LIMIT:,} lines or messages, more than a session has; the rest was not read"
                yield position, BadEntry(position=position, reason=reason)
                return
            yield position, record

    def __iter__(self) -> Iterator[Held]:
        """Yield the messages that were not dropped."""
        self._file.seek(0)
        for number, row in enumerate(self._file):
            if number not in self._dropped:
                line, conversation, message = json.loads(row)
                yield Held(number, line, conversation, message)
