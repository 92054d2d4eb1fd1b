"""The formats that import reads, and how each is recognised by the beginning of a file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import IO, Any

import ijson  # type: ignore[import-untyped]  # has no types

from app.errors import InvalidInput
from app.ops.importing import chatgpt, claude, claude_code, jsonl
from app.ops.importing.entries import Entry
from app.ops.importing.names import Format

Reader = Callable[[IO[bytes], str | None], Iterator[Entry]]

READERS: dict[Format, Reader] = {
    Format.JSONL: jsonl.read,
    Format.CLAUDE_CODE: claude_code.read,
    Format.CLAUDE: claude.read,
    Format.CHATGPT: chatgpt.read,
}
_LINES_LOOKED_AT = 100  # a damaged first line must not hide the format of the others


def detected(head: bytes) -> Format:
    """Return the format of a file that begins with `head`. Raises InvalidInput for other JSON."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"["):
        for line in text.splitlines()[:_LINES_LOOKED_AT]:
            value = _parsed(line)
            if isinstance(value, dict) and value:
                return _by_keys(value) or Format.JSONL
    keys = _first_keys(text)
    name = _by_keys(keys)
    if name in (Format.CLAUDE, Format.CHATGPT):
        return name
    if text.startswith(b"[") and (keys or text[1:].strip()[:1] != b"]"):
        raise InvalidInput(
            "FILE",
            f"a JSON array of {'{' + ', '.join(list(keys)[:6]) + '}' if keys else 'something else'}",
            "JSON Lines, a transcript of Claude Code, or the conversations.json of an account export",
        )
    return Format.JSONL


def _by_keys(keys: dict[str, Any]) -> Format | None:
    if "chat_messages" in keys:
        return Format.CLAUDE
    if "mapping" in keys:
        return Format.CHATGPT
    # Our lines have no type; those of a transcript have one, but neither text nor messages.
    if "type" in keys and not keys.keys() & {"text", "messages", "conversation_id"}:
        return Format.CLAUDE_CODE
    return None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _first_keys(text: bytes) -> dict[str, None]:
    """Return the keys of the first object, as far as the head reaches."""
    keys: dict[str, None] = {}
    prefix = "item" if text.startswith(b"[") else ""
    try:
        for at, event, value in ijson.parse(io.BytesIO(text), buf_size=4_096):
            if at == prefix and event == "map_key":
                keys[value] = None
            elif at == prefix and event == "end_map":
                break
    except (ijson.JSONError, UnicodeDecodeError):
        pass  # cut off, or no JSON at all
    return keys
