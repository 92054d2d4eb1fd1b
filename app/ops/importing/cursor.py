"""Reads Cursor's chats: transcripts of agents in ~/.cursor/projects, chats exported as Markdown, the editor's database.

Cursor documents the export of a chat (Export Chat) and no file format. Transcripts are JSON Lines of `{role, message:
{content: […]}}`, as public readers describe them, such as github.com/getagentseal/codeburn, docs/providers/
cursor-agent.md. For the database see `app.ops.importing.cursor_database`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from app.ops.importing.entries import BadEntry, ConversationParts, Entry, LeftAside, Position, named, said
from app.ops.importing.json_lines import objects
from app.ops.importing.program_text import between, spoken
from app.ops.importing.repair import repaired

AGENT = "cursor"
DATABASE = b"SQLite format 3\0"
DATABASE_TABLE = b"cursorDiskKV"  # which only Cursor's have; a database begins with the names of its tables
EXPORTED = re.compile(r"_?Exported on .{5,60} from Cursor")
_LIMIT_BYTES = 64 << 20
_SPEAKER = re.compile(r"^\*\*(User|Cursor)\*\*[ \t]*$", re.MULTILINE)


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversation of a transcript or an exported chat, or those of a database."""
    beginning = stream.peek(len(DATABASE))  # type: ignore[attr-defined]  # a BufferedReader
    if beginning.startswith(DATABASE):
        from app.ops.importing import cursor_database  # some builds of Python have no SQLite

        yield from cursor_database.read(stream, file)
    elif beginning.startswith(b"{"):
        yield from _transcript(stream, file)
    else:
        yield from _exported(stream, file)


def _transcript(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    parts = ConversationParts(AGENT)
    aside: Counter[str] = Counter()
    id_ = None if file is None else named(PurePosixPath(file).stem)
    for position, line in objects(stream, file):
        if isinstance(line, BadEntry):
            yield line
            continue
        role = line.get("role")
        if role not in ("user", "assistant"):
            aside["lines of the program"] += 1
            continue
        text = _text(line.get("message"), role, aside)
        if text:
            id_ = id_ or _made(text)
            parts.conversation = {"conversation_id": id_}
            yield from parts.add(position, {"role": role, "content": text})
    yield from parts.flush()
    yield from (LeftAside(what=what, count=count) for what, count in aside.items())


def _text(message: Any, role: str, aside: Counter[str]) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = []
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, dict):
            continue
        if block.get("type") != "text":
            aside["calls and results of tools"] += 1
            continue
        text = said(block.get("text"))
        if role == "user":
            queries = between(text, "<user_query>", "</user_query>")
            text = "\n\n".join(queries) if queries else spoken(text)
        if text.strip():
            texts.append(text)
    return "\n\n".join(texts)


def _exported(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    position = Position(file=file)
    data = stream.read(_LIMIT_BYTES + 1)
    if len(data) > _LIMIT_BYTES:
        yield BadEntry(position=position, reason=f"is longer than {_LIMIT_BYTES:,} bytes")
        return
    text = repaired(data).replace("\r\n", "\n")
    title = re.match(r"#\s+(.+)", text)
    speakers = list(_SPEAKER.finditer(text))
    parts = ConversationParts(AGENT)
    parts.conversation = {"conversation_id": _made(text[:10_000]), "title": named(title[1]) if title else None}
    ends = [*(speaker.start() for speaker in speakers[1:]), len(text)]
    for speaker, end in zip(speakers, ends, strict=False):  # no one speaks in a broken one
        words = said(text[speaker.end() : end]).strip().removesuffix("---").strip()
        if words:
            role = "user" if speaker[1] == "User" else "assistant"
            yield from parts.add(position, {"role": role, "content": words})
    yield from parts.flush()


def _made(text: str) -> str:
    """Return an id for a chat that names none: the same one when it is imported again."""
    return f"cursor-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
