"""Reads the account export of Claude (Settings, Privacy, Export data): `conversations.json` in a zip archive.

Anthropic documents no format. A conversation has uuid, name and chat_messages of uuid, sender, created_at, text and
content; newer exports add parent_message_uuid, since an edited message begins a branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from app.ops.importing.accounts import conversations
from app.ops.importing.entries import BadEntry, ConversationParts, Entry, Position, named, said, when

AGENT = "claude"
_ROOT = "00000000-0000-4000-8000-000000000000"  # the parent of a first message
_ROLES = {"human": "user", "user": "user", "assistant": "assistant"}


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversations of an export."""
    for position, value in conversations(stream, file):
        if isinstance(value, BadEntry):
            yield value
            continue
        messages = value.get("chat_messages")
        if not isinstance(value.get("uuid"), str) or not isinstance(messages, list):
            yield BadEntry(
                position=position, reason="has no uuid or no chat_messages: is this an account export of Claude?"
            )
            continue
        yield from _conversation(position, value, [message for message in messages if isinstance(message, dict)])


def _conversation(position: Position, value: dict[str, Any], messages: list[dict[str, Any]]) -> Iterator[Entry]:
    project = value.get("project")
    parts = ConversationParts(AGENT)
    parts.conversation = {
        "conversation_id": value["uuid"],
        "title": named(value.get("name")),
        "project": named(project.get("name")) if isinstance(project, dict) else None,
    }
    for number, message in enumerate(branch(messages, value.get("current_leaf_message_uuid")), 1):
        role, text = _ROLES.get(str(message.get("sender"))), _text(message)
        if role is not None and text.strip():
            yield from parts.add(
                Position(file=position.file, part=f"{position.part}, message {number}"),
                {
                    "role": role,
                    "content": text,
                    "time": when(message.get("created_at")),
                    "id": named(message.get("uuid")),
                },
            )
    yield from parts.flush()


def branch(messages: list[dict[str, Any]], leaf: Any) -> list[dict[str, Any]]:
    """Return the messages that lead to the leaf, or to the newest one; all of them when they are not a tree."""
    by_id = {message["uuid"]: message for message in messages if isinstance(message.get("uuid"), str)}
    parents = [parent for message in messages if isinstance(parent := message.get("parent_message_uuid"), str)]
    if len(by_id) < len(messages) or len(set(parents)) == len(parents):
        return messages  # no message was answered twice: there is only one branch
    at: dict[str, Any] | None = by_id.get(leaf) or max(messages, key=lambda message: str(message.get("created_at")))
    path: list[dict[str, Any]] = []
    parent = None
    while at is not None and at not in path:
        path.append(at)
        parent = at.get("parent_message_uuid")
        at = by_id.get(parent) if isinstance(parent, str) else None
    return path[::-1] if parent in (None, _ROOT) else messages  # a broken branch would lose its beginning


def _text(message: dict[str, Any]) -> str:
    """Return the text blocks, since `text` also holds a line for each tool; in old exports, which lack them, `text`."""
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if not blocks:
        return said(message.get("text"))
    texts = (said(block.get("text")) for block in blocks if block.get("type") == "text")
    return "\n\n".join(text for text in texts if text)
