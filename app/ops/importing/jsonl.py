"""Reads our own JSON Lines: one memory or conversation on each line, written by `export` or by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from app.errors import InvalidInput, shown
from app.memory.requests import checked
from app.ops.importing.entries import BadEntry, Entry, GoodEntry, Position, in_parts
from app.ops.importing.lines import ConversationLine, MemoryLine

LINE_LIMIT_BYTES = 32 << 20  # the longest line of export has 18 MB; reading it takes ten times as much memory
_SKIPPED_AT_ONCE = 1 << 20
_MARK = b"\xef\xbb\xbf"  # Windows editors put it before UTF-8

_TAKES = "a memory {text, …} or a conversation {conversation_id, messages, …}"


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the memory or conversation of each line, or what is wrong with the line."""
    for position, value in objects(stream, file):
        if isinstance(value, BadEntry):
            yield value
            continue
        try:
            if "conversation_id" in value or "messages" in value:
                yield from in_parts(position, checked(ConversationLine, value))
            elif "text" in value:
                yield GoodEntry(position=position, item=checked(MemoryLine, value))
            else:
                yield BadEntry(position=position, reason=f"got {shown(value)}, takes {_TAKES}")
        except InvalidInput as error:
            yield BadEntry(position=position, reason=str(error))


def objects(stream: IO[bytes], file: str | None) -> Iterator[tuple[Position, dict[str, Any] | BadEntry]]:
    """Yield the JSON object of each line that is not blank, or what is wrong with the line."""
    number = 0
    while line := stream.readline(LINE_LIMIT_BYTES + 1):
        number += 1
        position = Position(file=file, line=number)
        if len(line) > LINE_LIMIT_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_SKIPPED_AT_ONCE)
            yield (
                position,
                BadEntry(position=position, reason=f"is longer than {LINE_LIMIT_BYTES:,} bytes; make it several lines"),
            )
            continue
        if number == 1:
            line = line.removeprefix(_MARK)
        if line.strip():
            yield position, _object(position, line)


def _object(position: Position, line: bytes) -> dict[str, Any] | BadEntry:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        return BadEntry(position=position, reason=f"is not UTF-8 (byte {error.start:,}); save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return BadEntry(position=position, reason=f"is not JSON ({error}); a line is {_TAKES}")
    if not isinstance(value, dict):
        return BadEntry(position=position, reason=f"got {shown(value)}, takes {_TAKES}")
    return value
