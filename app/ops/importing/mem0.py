"""Reads memories of mem0 and OpenMemory: what their API lists, or the files that their export writes.

Sources, all in github.com/mem0ai/mem0: docs/api-reference (a memory is `{id, memory, metadata, categories, created_at,
…}`, a list is `{"results": […]}`), the dashboard's export (`{"memories": [{id, content, …}]}`), and
integrations/mem0-plugin/scripts/parse_export_file.py (mem0-export-*.md). What create_memory_export writes has the form
that the person chose, so it is read only where it has these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from app.memory.types import Kind
from app.ops.importing.entries import BadEntry, Entry, LeftAside, Position, named, remembered, said, when
from app.ops.importing.frontmatter import LIMIT_BYTES, Head, one, parted, several
from app.ops.importing.json_values import values
from app.ops.importing.repair import repaired

AGENT = "mem0"
_LISTS = ("results", "memories")
_TEXTS = ("memory", "content", "text", "data")
_BLOCK = re.compile(r"^---[ \t]*\n(?=(?:[A-Za-z_]\w*:.*\n)+---[ \t]*$)", re.MULTILINE)


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the memories of a file, JSON or Markdown."""
    if getattr(stream, "peek", None) is not None and stream.peek(3).startswith(b"---"):  # type: ignore[attr-defined]
        yield from _blocks(stream, file)
        return
    for position, value in values(stream, file, "memory"):
        if isinstance(value, BadEntry):
            yield value
            continue
        lists = [value[name] for name in _LISTS if isinstance(value.get(name), list)]
        if not lists:
            yield _memory(position, value)
        for number, member in enumerate((member for members in lists for member in members), 1):
            place = Position(file=file, part=f"memory {number}")
            yield (
                _memory(place, member) if isinstance(member, dict) else BadEntry(position=place, reason="is no object")
            )
        for name in value.keys() & {"relations", "categories"} if lists else ():
            if isinstance(value[name], list) and value[name]:
                yield LeftAside(what=name, count=len(value[name]))


def _memory(position: Position, memory: dict[str, Any]) -> Entry:
    text = next((words for name in _TEXTS if (words := said(memory.get(name)).strip())), "")
    if not text:
        return BadEntry(position=position, reason="has no memory: is this an export of mem0?")
    if memory.get("state") in ("deleted", "archived") or memory.get("is_deleted") is True:
        return LeftAside(what="deleted memories")
    tags = [tag for name in ("categories", "tags") if isinstance(memory.get(name), list) for tag in memory[name]]
    metadata = memory.get("metadata") or memory.get("metadata_")
    about = {
        "source": AGENT,
        **({"id": memory["id"]} if isinstance(memory.get("id"), str) else {}),
        **{key: memory[key] for key in ("user_id", "agent_id", "run_id", "app_id") if memory.get(key)},
        **(metadata if isinstance(metadata, dict) else {}),
    }
    return remembered(
        position,
        {
            "text": text,
            "kind": Kind.FACT,
            "tags": [tag for tag in map(named, tags) if tag],
            "metadata": about,
            "created_at": when(memory.get("created_at")),
            "updated_at": when(memory.get("updated_at")),
        },
        AGENT,
    )


def _blocks(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the memories of a Markdown export: each is a head between two fences, and a text."""
    data = stream.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        yield BadEntry(position=Position(file=file), reason=f"is longer than {LIMIT_BYTES:,} bytes; part the file")
        return
    text = repaired(data).replace("\r\n", "\n")
    starts = [found.start() for found in _BLOCK.finditer(text)]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=False), 1):
        head, body = parted(text[start:end])
        if body.strip():
            yield _block(Position(file=file, part=f"memory {number}"), head, body)


def _block(position: Position, head: Head, body: str) -> Entry:
    about = {"source": AGENT} | {name: one(head, name) for name in ("id", "type", "branch", "files") if one(head, name)}
    memory = {
        "text": said(body).strip(),
        "kind": Kind.FACT,
        "tags": several(head, "categories"),
        "metadata": about,
        "created_at": when(one(head, "created_at")),
    }
    return remembered(position, memory, AGENT)
