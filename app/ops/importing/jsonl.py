"""Reads our own JSON Lines: one memory or conversation on each line, written by `export` or by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from app.errors import InvalidInput, shown
from app.memory.requests import checked
from app.ops.importing.bounds import too_large
from app.ops.importing.entries import BadEntry, Entry, GoodEntry, Position, in_parts
from app.ops.importing.json_lines import lines
from app.ops.importing.lines import ConversationLine, MemoryLine

_NAMES_LIMIT = 100
_MESSAGES_LIMIT = 50_000  # checked, each takes over 1 kB; export writes 500 on a line
_TAKES = "a memory {text, …} or a conversation {conversation_id, messages, …}"


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the memory or conversation of each line, or what is wrong with the line.

    Nothing is repaired: who writes these lines can mend them, and a text must come back as it was exported.
    """
    for position, line in lines(stream, file):
        value = line if isinstance(line, BadEntry) else _object(position, line)
        if isinstance(value, BadEntry):
            yield value
            continue
        try:
            if _names(value) > _NAMES_LIMIT:
                yield BadEntry(position=position, reason=f"has over {_NAMES_LIMIT} fields; takes {_TAKES}")
            elif isinstance(value.get("messages"), list) and len(value["messages"]) > _MESSAGES_LIMIT:
                yield BadEntry(
                    position=position, reason=f"has over {_MESSAGES_LIMIT:,} messages; make it several lines"
                )
            elif "conversation_id" in value or "messages" in value:
                yield from in_parts(position, checked(ConversationLine, value))
            elif "text" in value:
                yield GoodEntry(position=position, item=checked(MemoryLine, value))
            else:
                yield BadEntry(position=position, reason=f"got {shown(value)}, takes {_TAKES}")
        except InvalidInput as error:
            yield BadEntry(position=position, reason=str(error))


def _names(value: dict[str, Any]) -> int:
    """Return how many fields the object has, or the largest of its messages: each unknown one is an error of 1 kB."""
    messages = value.get("messages")
    sizes = (len(message) for message in messages if isinstance(message, dict)) if isinstance(messages, list) else ()
    return max(len(value), max(sizes, default=0))


def _object(position: Position, line: bytes) -> dict[str, Any] | BadEntry:
    try:
        text = line.decode("utf-8")
        if (why := too_large(text)) is not None:
            return BadEntry(position=position, reason=why)
        value = json.loads(text)
    except UnicodeDecodeError as error:
        return BadEntry(position=position, reason=f"is not UTF-8 (byte {error.start:,}); save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return BadEntry(position=position, reason=f"is not JSON ({error}); a line is {_TAKES}")
    if not isinstance(value, dict):
        return BadEntry(position=position, reason=f"got {shown(value)}, takes {_TAKES}")
    return value
