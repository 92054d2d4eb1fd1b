"""Reads notes in Markdown, one memory each: those of basic-memory, and those that Claude Code keeps of a project.

basic-memory: https://github.com/basicmachines-co/basic-memory, docs/NOTE-FORMAT.md. A note keeps its observations and
relations as the lines that they are. Notes that only describe the form of others (`type: schema`) are left aside.

Claude Code: ~/.claude/projects/<folder>/memory/*.md. MEMORY.md is a list of the other notes, and is left aside when it
holds nothing else. Anthropic describes the folder (https://code.claude.com/docs/en/memory), not the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from app.memory.types import Kind
from app.ops.importing.entries import BadEntry, Entry, LeftAside, Position, named, remembered, said, when
from app.ops.importing.frontmatter import LIMIT_BYTES, Head, one, parted, several
from app.ops.importing.repair import repaired

BASIC_MEMORY, CLAUDE_CODE = "basic-memory", "claude-code"
_KINDS = {
    "user": Kind.PREFERENCE,  # the types of Claude Code's notes
    "feedback": Kind.PREFERENCE,
    "reference": Kind.REFERENCE,
    "preference": Kind.PREFERENCE,
    "decision": Kind.DECISION,
    "fact": Kind.FACT,
    "summary": Kind.SUMMARY,
}
_LINK = re.compile(r"\s*(?:[-*]\s+)?\[[^\]]*\]\([^)]*\.md\)(?:\s*[—–:-].*)?\s*")


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield a note of basic-memory."""
    position, note = _note(stream, file)
    if isinstance(note, BadEntry):
        yield note
        return
    head, body = note
    if one(head, "type") == "schema":
        yield LeftAside(what="schemas")
        return
    title = named(one(head, "title")) or _stem(file)
    text = body if title is None or title in body[:1_000] else f"# {title}\n\n{body.strip()}"
    created = when(one(head, "created")) or when(one(head, "date"))
    yield from _remembered(
        position,
        text,
        {
            "kind": _KINDS.get(one(head, "type").lower(), Kind.NOTE),
            "tags": several(head, "tags"),
            "metadata": _source(BASIC_MEMORY, file, title=title, permalink=one(head, "permalink")),
            "created_at": created,
            "updated_at": when(one(head, "modified")),
        },
        BASIC_MEMORY,
    )


def read_of_claude_code(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield a note of Claude Code as a fact with its source."""
    position, note = _note(stream, file)
    if isinstance(note, BadEntry):
        yield note
        return
    head, body = note
    lines = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
    if lines and all(_LINK.fullmatch(line) for line in lines):
        yield LeftAside(what="lists of notes")
        return
    about = one(head, "description")
    text = body if not about or about in body else f"{about}\n\n{body.strip()}"
    metadata = _source(CLAUDE_CODE, file, name=one(head, "name"), type=one(head, "type"))
    yield from _remembered(position, text, {"kind": Kind.FACT, "metadata": metadata}, CLAUDE_CODE)


def _note(stream: IO[bytes], file: str | None) -> tuple[Position, tuple[Head, str] | BadEntry]:
    position = Position(file=file)
    data = stream.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        return position, BadEntry(position=position, reason=f"is longer than {LIMIT_BYTES:,} bytes, which no note is")
    return position, parted(said(repaired(data)).replace("\r\n", "\n"))


def _remembered(position: Position, text: str, memory: dict[str, Any], agent: str) -> Iterator[Entry]:
    if text.strip():
        yield remembered(position, {"text": text.strip(), **memory}, agent)
    else:
        yield LeftAside(what="empty notes")


def _source(source: str, file: str | None, **fields: str | None) -> dict[str, str]:
    return {"source": source} | ({"file": file} if file else {}) | {key: text for key, text in fields.items() if text}


def _stem(file: str | None) -> str | None:
    return None if file is None else named(PurePosixPath(file.replace("\\", "/")).stem)
