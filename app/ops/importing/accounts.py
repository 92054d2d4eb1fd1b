"""What the account exports of Claude and ChatGPT share: one JSON array of conversations, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import ijson  # type: ignore[import-untyped]  # has no types

from app.ops.importing.entries import BadEntry, Position

CONVERSATION_LIMIT_BYTES = 256 << 20  # one conversation is held in memory, with all its branches and tool output
_READ_BYTES = 1 << 16


def conversations(stream: IO[bytes], file: str | None) -> Iterator[tuple[Position, dict[str, Any] | BadEntry]]:
    """Yield the conversations of a JSON array, or of JSON objects one after the other.

    Invalid JSON ends the stream: there is no way to see where the next conversation begins.
    """
    limited = _Limited(stream)
    number = 0
    try:
        for value in ijson.items(limited, "item" if limited.begins_array() else "", **_options(limited)):
            limited.reset()
            number += 1
            position = Position(file=file, part=f"conversation {number}")
            yield (
                position,
                value if isinstance(value, dict) else BadEntry(position=position, reason="is not a JSON object"),
            )
    except _TooLong:
        position = Position(file=file, part=f"conversation {number + 1}")
        reason = f"is longer than {CONVERSATION_LIMIT_BYTES:,} bytes; what comes after it was not read"
        yield position, BadEntry(position=position, reason=reason)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        position = Position(file=file, part=f"after conversation {number}")
        reason = f"is not JSON ({' '.join(str(error).split())[:200]}); what comes after it was not read"
        yield position, BadEntry(position=position, reason=reason)


def _options(limited: _Limited) -> dict[str, Any]:
    return {"buf_size": _READ_BYTES, "multiple_values": not limited.begins_array()}


class _TooLong(Exception):
    """More was read for one conversation than may be held."""


class _Limited:
    """A stream that raises _TooLong when too much is read without a reset."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._head = stream.read(_READ_BYTES).removeprefix(b"\xef\xbb\xbf")
        self._array = self._head.lstrip()[:1] == b"["
        self._since_reset = 0

    def begins_array(self) -> bool:
        return self._array

    def reset(self) -> None:
        self._since_reset = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""  # ijson reads nothing once, to see whether it gets bytes
        head, self._head = self._head, b""
        data = head or self._stream.read(size)
        self._since_reset += len(data)
        if self._since_reset > CONVERSATION_LIMIT_BYTES:
            raise _TooLong
        return data
