"""What the account exports of Claude and ChatGPT share: one JSON array of conversations, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import ijson  # type: ignore[import-untyped]  # has no types

from app.ops.importing.entries import Bad, Place

CONVERSATION_LIMIT_BYTES = 256 << 20  # one conversation is held in memory, with all its branches and tool output
_READ_BYTES = 1 << 16


def conversations(stream: IO[bytes], file: str | None) -> Iterator[tuple[Place, dict[str, Any] | Bad]]:
    """Yield the conversations of a JSON array, or of JSON objects one after the other.

    What is no JSON any more ends the stream: nobody could tell where the next conversation begins.
    """
    limited = _Limited(stream)
    number = 0
    try:
        for value in ijson.items(limited, "item" if limited.begins_array() else "", **_options(limited)):
            limited.reset()
            number += 1
            place = Place(file=file, part=f"conversation {number}")
            yield place, value if isinstance(value, dict) else Bad(place=place, reason="is not a JSON object")
    except _TooLong:
        place = Place(file=file, part=f"conversation {number + 1}")
        reason = f"is longer than {CONVERSATION_LIMIT_BYTES:,} bytes; what comes after it was not read"
        yield place, Bad(place=place, reason=reason)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        place = Place(file=file, part=f"after conversation {number}")
        reason = f"is not JSON ({' '.join(str(error).split())[:200]}); what comes after it was not read"
        yield place, Bad(place=place, reason=reason)


def _options(limited: _Limited) -> dict[str, Any]:
    return {"buf_size": _READ_BYTES, "multiple_values": not limited.begins_array()}


class _TooLong(Exception):
    """More was read for one conversation than may be held."""


class _Limited:
    """A stream that ends with _TooLong when too much is read without a reset."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._head = stream.read(_READ_BYTES).removeprefix(b"\xef\xbb\xbf")
        self._array = self._head.lstrip()[:1] == b"["
        self._since = 0

    def begins_array(self) -> bool:
        return self._array

    def reset(self) -> None:
        self._since = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""  # ijson asks so whether it gets bytes
        head, self._head = self._head, b""
        data = head or self._stream.read(size)
        self._since += len(data)
        if self._since > CONVERSATION_LIMIT_BYTES:
            raise _TooLong
        return data
