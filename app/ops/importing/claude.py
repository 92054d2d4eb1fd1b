"""Reads the account export of Claude (Settings, Privacy, Export data): conversations, memories and projects.

Anthropic documents no format; the names are those of exports, and of public readers of them. A conversation has uuid,
name and chat_messages of uuid, sender, created_at, text and content; newer exports add parent_message_uuid, since an
edited message begins a branch. Pasted text and the text of files are attachments with extracted_content. What Claude
wrote as an artifact, a research report too, is the input of a tool. memories.json holds what Claude remembers, as one
text for all conversations and one for each project; projects hold instructions (prompt_template) and documents.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from app.memory.types import Kind
from app.ops.importing.documents import Documents
from app.ops.importing.entries import (
    BadEntry,
    ConversationParts,
    Entry,
    GoodEntry,
    LeftAside,
    Position,
    ProjectName,
    named,
    remembered,
    said,
    when,
)
from app.ops.importing.json_values import values

AGENT = "claude"
_ROOT = "00000000-0000-4000-8000-000000000000"  # the parent of a first message
_ROLES = {"human": "user", "user": "user", "assistant": "assistant"}
_ARTIFACTS = "artifacts"
_FILES = ("create_file", "str_replace_based_edit_tool")
_HEADING = re.compile(r"^(?=\*\*[^*\n]+\*\*[ \t]*$|#{1,3} )", re.MULTILINE)
_SPOKEN = ("text", "voice_note")
_ASIDE = {"thinking": "thoughts", "tool_use": "calls of tools", "tool_result": "results of tools"}


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversations, memories or projects of a file."""
    aside: Counter[str] = Counter()
    for position, value in values(stream, file, "conversation", ("uuid", "name")):
        if isinstance(value, BadEntry):
            yield value
        elif "conversations_memory" in value or "project_memories" in value:
            yield from _memories(Position(file=file), value)
        elif isinstance(value.get("docs"), list) or "prompt_template" in value:
            yield from _project(Position(file=file, part=named(value.get("name"))), value)
        elif isinstance(value.get("uuid"), str) and isinstance(value.get("chat_messages"), list):
            messages = [message for message in value["chat_messages"] if isinstance(message, dict)]
            yield from _conversation(position, value, messages, aside)
        else:
            reason = "has no uuid or no chat_messages: is this an account export of Claude?"
            yield BadEntry(position=position, reason=reason)
    yield from (LeftAside(what=what, count=count) for what, count in aside.items())


def _conversation(
    position: Position, value: dict[str, Any], messages: list[dict[str, Any]], aside: Counter[str]
) -> Iterator[Entry]:
    project = value.get("project")
    parts = ConversationParts(AGENT)
    parts.conversation = {
        "conversation_id": value["uuid"],
        "title": named(value.get("name")),
        "project": named(project.get("name")) if isinstance(project, dict) else None,
    }
    path = branch(messages, value.get("current_leaf_message_uuid"))
    aside["messages on other branches"] += len(messages) - len(path)
    if said(value.get("summary")).strip():
        aside["summaries of conversations"] += 1
    told = Documents()
    for number, message in enumerate(path, 1):
        place = Position(file=position.file, part=f"{position.part}, message {number}")
        role = _ROLES.get(str(message.get("sender")))
        if role is None:
            aside["messages of neither side"] += 1
            continue
        _attachments(place, message, told, aside)
        if (text := _text(message, aside)).strip():
            told.say(place, _said(message, role, text))
        _artifacts(place, message, told)
    for place, row in told.messages():
        yield from parts.add(place, row)
    yield from parts.flush()


def branch(messages: list[dict[str, Any]], leaf: Any) -> list[dict[str, Any]]:
    """Return the messages that lead to the leaf, or to the newest one; all of them when they are not a tree."""
    by_id = {message["uuid"]: message for message in messages if isinstance(message.get("uuid"), str)}
    parents = [parent for message in messages if isinstance(parent := message.get("parent_message_uuid"), str)]
    if len(by_id) < len(messages) or len(set(parents)) == len(parents):
        return messages  # no message was answered twice: there is only one branch
    at: dict[str, Any] | None = by_id.get(leaf) or max(messages, key=lambda message: str(message.get("created_at")))
    path: list[dict[str, Any]] = []
    seen: set[int] = set()
    parent = None
    while at is not None and id(at) not in seen:
        path.append(at)
        seen.add(id(at))
        parent = at.get("parent_message_uuid")
        at = by_id.get(parent) if isinstance(parent, str) else None
    return path[::-1] if parent in (None, _ROOT) else messages  # a broken branch would lose its beginning


def _said(message: dict[str, Any], role: str, text: str) -> dict[str, Any]:
    time = when(message.get("created_at"))
    return {"role": role, "content": text, "time": time, "id": named(message.get("uuid"))}


def _text(message: dict[str, Any], aside: Counter[str]) -> str:
    """Return the text blocks, since `text` also holds a line for each tool; in old exports, which lack them, `text`."""
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if not blocks:
        return said(message.get("text"))
    for block in blocks:
        if block.get("type") not in _SPOKEN and not _document(block):
            aside[_ASIDE.get(str(block.get("type")), "other parts of messages")] += 1
    texts = (said(block.get("text")) for block in blocks if block.get("type") in _SPOKEN)
    return "\n\n".join(text for text in texts if text)


def _attachments(place: Position, message: dict[str, Any], told: Documents, aside: Counter[str]) -> None:
    """Add pasted text and the text of files, before the words that came with them."""
    attachments = message.get("attachments")
    with_text = set()
    for number, attachment in enumerate(attachments if isinstance(attachments, list) else [], 1):
        if not isinstance(attachment, dict):
            continue
        name = named(attachment.get("file_name"))
        if not (text := said(attachment.get("extracted_content"))).strip():
            aside["files without their text"] += 1
            continue
        with_text.add(name)
        row = _said(message, "user", text)
        row |= {"id": f"{row['id']}-{number}" if row["id"] else None, "kind": Kind.REFERENCE}
        told.say(place, {**row, "metadata": {"file": name} if name else {}})
    files = message.get("files")
    for file in files if isinstance(files, list) else []:
        if isinstance(file, dict) and named(file.get("file_name")) not in with_text:
            aside["files without their text"] += 1


def _document(block: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the id of a document that a tool writes, and what it is given; None for other tools."""
    given = block.get("input")
    if block.get("type") != "tool_use" or not isinstance(given, dict):
        return None
    id_ = given.get("id") if block.get("name") == _ARTIFACTS else given.get("path")
    if block.get("name") not in (_ARTIFACTS, *_FILES) or not isinstance(id_, str):
        return None
    return id_, given


def _artifacts(place: Position, message: dict[str, Any], told: Documents) -> None:
    content = message.get("content")
    for block in content if isinstance(content, list) else []:
        if not isinstance(block, dict) or (document := _document(block)) is None:
            continue
        id_, given = document
        old, title = told.text(id_), named(given.get("title")) or (named(id_) if told.text(id_) is None else None)
        text = said(given.get("content") or given.get("file_text"))
        if not text.strip() and old is not None and (before := said(given.get("old_str"))):
            text = old.replace(before, said(given.get("new_str")), 1)
        if text.strip():
            told.write(place, id_, title, text)


def _memories(position: Position, value: dict[str, Any]) -> Iterator[Entry]:
    """Yield what Claude remembers: a fact for each section, so that one that changes brings no other again."""
    for text in _sections(value.get("conversations_memory")):
        yield remembered(position, _memory(text, Kind.FACT, "memories of an account"), AGENT)
    projects = value.get("project_memories")
    for id_, memory in projects.items() if isinstance(projects, dict) else ():
        for text in _sections(memory):
            entry = remembered(position, _memory(text, Kind.FACT, "memories of a project", project_uuid=id_), AGENT)
            yield _of_project(entry, id_)


def _sections(value: Any) -> list[str]:
    return [text.strip() for text in _HEADING.split(said(value)) if text.strip()]


def _project(position: Position, value: dict[str, Any]) -> Iterator[Entry]:
    """Yield a project's name, its instructions, its description and its documents."""
    id_, name = value.get("uuid"), named(value.get("name"))
    if isinstance(id_, str) and name:
        yield ProjectName(project_id=id_, name=name)
    for field, kind in (("prompt_template", Kind.PREFERENCE), ("description", Kind.NOTE)):
        if (text := said(value.get(field)).strip()) and not value.get("is_starter_project"):
            memory = _memory(text, kind, "instructions" if kind == Kind.PREFERENCE else "description")
            yield remembered(position, memory | {"project": name, "created_at": when(value.get("created_at"))}, AGENT)
    documents = value.get("docs")
    for document in documents if isinstance(documents, list) else []:
        if isinstance(document, dict) and (text := said(document.get("content")).strip()):
            file = named(document.get("filename"))
            memory = _memory(text, Kind.REFERENCE, "documents of a project", **({"file": file} if file else {}))
            memory |= {"project": name, "created_at": when(document.get("created_at"))}
            yield remembered(position, memory, AGENT)


def _memory(text: str, kind: Kind, part: str, **more: str) -> dict[str, Any]:
    return {"text": text, "kind": kind, "metadata": {"source": AGENT, "part": part, **more}}


def _of_project(entry: Entry, id_: str) -> Entry:
    if not isinstance(entry, GoodEntry):
        return entry
    return GoodEntry(position=entry.position, item=entry.item, agent=entry.agent, project_id=id_)
