"""Reads the account export of Claude (Settings, Privacy, Export data): `conversations.json` in a zip archive.

Anthropic documents no format. A conversation has uuid, name and chat_messages of uuid, sender, created_at, text and
content; newer exports add parent_message_uuid, since an edited message begins a branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from app.ops.importing.accounts import conversations
from app.ops.importing.entries import Bad, Entry, Parts, Place, named, said, when

AGENT = "claude"
_ROOT = "00000000-0000-4000-8000-000000000000"  # the parent of a first message
_ROLES = {"human": "user", "user": "user", "assistant": "assistant"}


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversations of an export."""
    for place, value in conversations(stream, file):
        if isinstance(value, Bad):
            yield value
            continue
        messages = value.get("chat_messages")
        if not isinstance(value.get("uuid"), str) or not isinstance(messages, list):
            yield Bad(place=place, reason="has no uuid or no chat_messages: is this an account export of Claude?")
            continue
        yield from _conversation(place, value, [one for one in messages if isinstance(one, dict)])


def _conversation(place: Place, value: dict[str, Any], messages: list[dict[str, Any]]) -> Iterator[Entry]:
    project = value.get("project")
    parts = Parts(AGENT)
    parts.conversation = {
        "conversation_id": value["uuid"],
        "title": named(value.get("name")),
        "project": named(project.get("name")) if isinstance(project, dict) else None,
    }
    for number, message in enumerate(branch(messages, value.get("current_leaf_message_uuid")), 1):
        role, text = _ROLES.get(str(message.get("sender"))), _text(message)
        if role is not None and text.strip():
            yield from parts.add(
                Place(file=place.file, part=f"{place.part}, message {number}"),
                {
                    "role": role,
                    "content": text,
                    "time": when(message.get("created_at")),
                    "id": named(message.get("uuid")),
                },
            )
    yield from parts.flush()


def branch(messages: list[dict[str, Any]], leaf: Any) -> list[dict[str, Any]]:
    """Return the messages that lead to the leaf, or to the newest one; all of them where they are no tree."""
    by_id = {one["uuid"]: one for one in messages if isinstance(one.get("uuid"), str)}
    parents = [parent for one in messages if isinstance(parent := one.get("parent_message_uuid"), str)]
    if len(by_id) < len(messages) or len(set(parents)) == len(parents):
        return messages  # no message was answered twice: there is one line only
    at: dict[str, Any] | None = by_id.get(leaf) or max(messages, key=lambda one: str(one.get("created_at")))
    path: list[dict[str, Any]] = []
    parent = None
    while at is not None and at not in path:
        path.append(at)
        parent = at.get("parent_message_uuid")
        at = by_id.get(parent) if isinstance(parent, str) else None
    return path[::-1] if parent in (None, _ROOT) else messages  # a line that breaks off would lose its beginning


def _text(message: dict[str, Any]) -> str:
    """Return what was said: the text blocks, since `text` also holds a line for each tool; `text` in old exports."""
    content = message.get("content")
    blocks = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    if not blocks:
        return said(message.get("text"))
    return "\n\n".join(text for one in blocks if one.get("type") == "text" and (text := said(one.get("text"))))
