"""The formats that import reads, and how each is recognised by the beginning of a file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

import ijson  # type: ignore[import-untyped]  # has no types

from app.errors import MemoryServerError
from app.ops.importing import (
    chatgpt,
    claude,
    claude_code,
    codex,
    cursor,
    gemini_cli,
    jsonl,
    mem0,
    notes,
    server_memory,
    strangers,
)
from app.ops.importing.bounds import long_number
from app.ops.importing.entries import Entry
from app.ops.importing.frontmatter import parted
from app.ops.importing.names import Format
from app.ops.importing.repair import repaired, without_mark

Reader = Callable[[IO[bytes], str | None], Iterator[Entry]]

READERS: dict[Format, Reader] = {
    Format.JSONL: jsonl.read,
    Format.CLAUDE_CODE: claude_code.read,
    Format.CLAUDE_CODE_NOTES: notes.read_of_claude_code,
    Format.CLAUDE: claude.read,
    Format.CHATGPT: chatgpt.read,
    Format.CODEX: codex.read,
    Format.GEMINI_CLI: gemini_cli.read,
    Format.CURSOR: cursor.read,
    Format.SERVER_MEMORY: server_memory.read,
    Format.MEM0: mem0.read,
    Format.BASIC_MEMORY: notes.read,
}
_INSIDE = ((b'"chat_messages"', Format.CLAUDE), (b'"mapping"', Format.CHATGPT))  # when the first object is damaged
_LINES_LOOKED_AT = 100  # a damaged first line must not hide the format of the others
_OWN = {"text", "messages", "conversation_id"}
_TRANSCRIPT = {"sessionId", "uuid", "parentUuid", "leafUuid", "messageId"}
_TRANSCRIPT_TYPES = ("summary", "user", "assistant", "system", "attachment", "progress", "queue-operation")
_NOTE_TYPES = ("user", "feedback", "project", "reference")
_ROLLOUT_TYPES = ("message", "reasoning", "function_call", "function_call_output", "local_shell_call")


class NotUnderstood(MemoryServerError):
    """A file of no format that import reads; nothing of it was taken."""

    code = "not_understood"
    status = 400

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"nothing was taken: this seems to be {what}; import takes {instead} (docs/importing.md)")


def detected(head: bytes) -> Format:
    """Return the format of a file that begins with `head`. Raises NotUnderstood."""
    text = without_mark(head)
    if text.startswith(cursor.DATABASE) and cursor.DATABASE_TABLE in text:
        return Format.CURSOR
    if (stranger := strangers.by_beginning(text)) is not None:
        raise NotUnderstood(*stranger)
    text = text.replace(b"\0", b"").lstrip()
    if not text or text.rstrip() in (b"[]", b"{}", b"[ ]"):
        return Format.JSONL  # nothing is in it
    if text.startswith(b"---"):
        return _note(repaired(text))
    if cursor.EXPORTED.search(repaired(text[:500])):
        return Format.CURSOR
    keys: dict[str, Any] = {}
    if not text.startswith(b"[") and text[:1_000].splitlines()[0].strip() != b"{":
        for line in text.splitlines()[:_LINES_LOOKED_AT]:
            value = _parsed(line)
            if isinstance(value, dict) and value:
                keys = keys or value
                if (name := _by_keys(value)) is not None:
                    return name
    if text.startswith((b"[", b"{")) and not keys:
        keys = _first_keys(text)
        name = _by_keys(keys)
        if name is not None and not (name == Format.JSONL and text.startswith(b"[")):
            return name
    return _refused(text, keys)


def _refused(text: bytes, keys: dict[str, Any]) -> Format:
    """Raise NotUnderstood, but for a damaged export, and a line of ours that is longer than what was looked at."""
    if (stranger := strangers.by_keys(keys)) is not None:
        raise NotUnderstood(*stranger)
    for name, format_ in _INSIDE:
        if name in text:
            return format_
    is_list = re.match(rb"\[\s*([\[{\"\d\]-]|true|false|null)", text) is not None
    if keys or is_list:
        names = "{" + ", ".join(sorted(map(str, keys))[:6]) + "}" if keys else "something else"
        what = f"a JSON array of {names}" if is_list else f"JSON of another program: {names}"
        raise NotUnderstood(what, "JSON Lines, transcripts of coding agents, account exports and memories")
    if not text.startswith(b"{"):
        raise NotUnderstood(*strangers.by_text(text))
    return Format.JSONL


def _note(text: str) -> Format:
    head, _ = parted(text)
    if "id" in head and head.keys() & {"categories", "confidence", "created_at"} and "title" not in head:
        return Format.MEM0
    if head.keys() & {"title", "permalink", "tags"} or not head:
        if head:
            return Format.BASIC_MEMORY
        raise NotUnderstood("Markdown with a line at its top", "a note of basic-memory")
    if "description" in head and (head.get("type") in _NOTE_TYPES or "name" in head):
        return Format.CLAUDE_CODE_NOTES
    return Format.BASIC_MEMORY


def _by_keys(keys: dict[str, Any]) -> Format | None:
    """Return the format of an object. Values are None where only the names are known."""
    for format_, is_it in _MARKS:
        if is_it(keys):
            return format_
    return None


def _has(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda keys: keys.keys() >= set(names)


def _is_transcript(keys: dict[str, Any]) -> bool:
    """Our lines have no type; those of a transcript have one, but neither text nor messages."""
    known = keys.get("type") in _TRANSCRIPT_TYPES or bool(keys.keys() & _TRANSCRIPT)
    return "type" in keys and known and not keys.keys() & _OWN


def _is_old_rollout(keys: dict[str, Any]) -> bool:
    about = {"id", "timestamp", "instructions"} <= keys.keys() and "type" not in keys
    return about or "record_type" in keys or (keys.get("type") in _ROLLOUT_TYPES and "uuid" not in keys)


def _is_memory_list(keys: dict[str, Any]) -> bool:
    for name in ("results", "memories"):
        members = keys.get(name)
        if name in keys and (members is None or (isinstance(members, list) and all(map(_is_mem0, members[:3])))):
            return True
    return "memory" in keys and bool(keys.keys() & {"id", "user_id", "hash", "created_at"})


def _is_mem0(member: Any) -> bool:
    return isinstance(member, dict) and bool(member.keys() & {"memory", "content"})


_MARKS: tuple[tuple[Format, Callable[[dict[str, Any]], bool]], ...] = (
    (Format.CLAUDE, _has("chat_messages")),
    (Format.CLAUDE, _has("conversations_memory")),
    (Format.CLAUDE, _has("project_memories")),
    (Format.CLAUDE, _has("uuid", "name", "docs")),
    (Format.CLAUDE, _has("uuid", "name", "prompt_template")),
    (Format.CHATGPT, lambda keys: "mapping" in keys and "inserted_at" not in keys),
    (Format.CODEX, _has("type", "payload")),
    (Format.CODEX, _is_old_rollout),
    (Format.GEMINI_CLI, _has("sessionId", "projectHash")),
    (Format.SERVER_MEMORY, _has("entityType", "name")),
    (Format.SERVER_MEMORY, _has("relationType", "from", "to")),
    (Format.SERVER_MEMORY, _has("entities", "relations")),
    (Format.CURSOR, _has("role", "message")),
    (Format.MEM0, _is_memory_list),
    (Format.CLAUDE_CODE, _is_transcript),
    (Format.JSONL, lambda keys: bool(keys.keys() & _OWN) and strangers.by_keys(keys) is None),
)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(repaired(line), strict=False)
    except (ValueError, RecursionError):
        return None


def _first_keys(text: bytes) -> dict[str, Any]:
    """Return the names in the first object, as far as the head reaches; of its values only `type`.

    `ijson.parse` is not used: it keeps a prefix that grows with the depth, so 3 MB of `[` take 20 GB. And ijson gets no
    number of over 4,300 digits: `int` refuses one with a ValueError, which the callback of the C backend (yajl2_c in
    ijson 3.6.0) does not look for before it hands the value on, a null pointer; the process ends with a segmentation
    fault. A check for NULL after the conversion in src/ijson/backends/ext/_yajl2 is what it lacks.
    """
    keys: dict[str, Any] = {}
    depth, name, first = 0, None, 1 + text.startswith(b"[")
    head = repaired(text)
    if (long := long_number(head)) >= 0:
        head = head[:long]
    try:
        for event, value in ijson.basic_parse(io.BytesIO(head.encode()), buf_size=4_096):
            if event in ("start_map", "start_array"):
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
                if depth < first:
                    break
            elif depth == first and event == "map_key":
                keys[value], name = None, value
            elif depth == first and name == "type" and event == "string":
                keys["type"] = value
    except ijson.JSONError:
        pass  # cut off, or no JSON at all
    return keys
