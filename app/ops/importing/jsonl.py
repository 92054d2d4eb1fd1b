"""Reads our own JSON Lines: a memory or a conversation a line, as `export` writes them or a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from app.errors import InvalidInput, shown
from app.memory.requests import checked
from app.ops.importing.entries import Bad, Entry, Found, Place, in_parts
from app.ops.importing.lines import ConversationLine, MemoryLine

LINE_LIMIT_BYTES = 32 << 20  # the longest that export can write has 18 MB; it takes ten times that when read
_SKIPPED_AT_ONCE = 1 << 20
_MARK = b"\xef\xbb\xbf"  # Windows' editors put it before UTF-8

_TAKES = "a memory {text, …} or a conversation {conversation_id, messages, …}"


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield a memory or a conversation for each line that holds one, and what is wrong with every other line."""
    for place, value in objects(stream, file):
        if isinstance(value, Bad):
            yield value
            continue
        try:
            if "conversation_id" in value or "messages" in value:
                yield from in_parts(place, checked(ConversationLine, value))
            elif "text" in value:
                yield Found(place=place, item=checked(MemoryLine, value))
            else:
                yield Bad(place=place, reason=f"got {shown(value)}, takes {_TAKES}")
        except InvalidInput as error:
            yield Bad(place=place, reason=str(error))


def objects(stream: IO[bytes], file: str | None) -> Iterator[tuple[Place, dict[str, Any] | Bad]]:
    """Yield the JSON object of each line that is not blank, or what is wrong with the line."""
    number = 0
    while line := stream.readline(LINE_LIMIT_BYTES + 1):
        number += 1
        place = Place(file=file, line=number)
        if len(line) > LINE_LIMIT_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_SKIPPED_AT_ONCE)
            yield place, Bad(place=place, reason=f"is longer than {LINE_LIMIT_BYTES:,} bytes; make it several lines")
            continue
        if number == 1:
            line = line.removeprefix(_MARK)
        if line.strip():
            yield place, _object(place, line)


def _object(place: Place, line: bytes) -> dict[str, Any] | Bad:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        return Bad(place=place, reason=f"is not UTF-8 (byte {error.start:,}); save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return Bad(place=place, reason=f"is not JSON ({error}); a line is {_TAKES}")
    if not isinstance(value, dict):
        return Bad(place=place, reason=f"got {shown(value)}, takes {_TAKES}")
    return value
