"""Reads the account export of ChatGPT (Settings, Data controls, Export): `conversations.json`, or numbered ones.

OpenAI documents no format. A conversation is a tree of nodes in `mapping`. The branch on the screen ends at
`current_node`; the other branches are questions and answers that were abandoned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from app.ops.importing.accounts import conversations
from app.ops.importing.entries import BadEntry, ConversationParts, Entry, Position, named, said, when

AGENT = "chatgpt"
_ROLES = ("user", "assistant")  # no one wrote what system and tool say
_CONTENTS = ("text", "multimodal_text")  # code is for a tool; thoughts and the like are no answer
_HIDDEN = ("is_visually_hidden_from_conversation", "is_user_system_message")
_CITATION = re.compile("\ue200[^\ue200\ue201]*\ue201")  # marks for the screen; outside ChatGPT they mean nothing


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversations of an export."""
    for position, value in conversations(stream, file):
        if isinstance(value, BadEntry):
            yield value
            continue
        id_ = value.get("conversation_id") or value.get("id")
        if not isinstance(id_, str) or not isinstance(value.get("mapping"), dict):
            yield BadEntry(position=position, reason="has no id or no mapping: is this an account export of ChatGPT?")
            continue
        parts = ConversationParts(AGENT)
        parts.conversation = {"conversation_id": id_, "title": named(value.get("title")), "project": None}
        for number, message in enumerate(branch(value["mapping"], value.get("current_node")), 1):
            if (spoken := _message(message)) is not None:
                yield from parts.add(Position(file=position.file, part=f"{position.part}, message {number}"), spoken)
        yield from parts.flush()


def branch(mapping: dict[str, Any], leaf: Any) -> list[dict[str, Any]]:
    """Return the messages from the root to the current node, or to the newest one if the current one is unknown."""
    nodes = {id_: node for id_, node in mapping.items() if isinstance(node, dict)}
    if leaf not in nodes:
        leaf = max(nodes, key=lambda id_: _time(nodes[id_]), default=None)
    path: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(leaf, str) and leaf in nodes and leaf not in seen:
        seen.add(leaf)
        message = nodes[leaf].get("message")
        if isinstance(message, dict):
            path.append(message)
        leaf = nodes[leaf].get("parent")
    return path[::-1]


def _time(node: dict[str, Any]) -> float:
    message = node.get("message")
    moment = when(message.get("create_time")) if isinstance(message, dict) else None
    return 0.0 if moment is None else moment.timestamp()


def _message(message: dict[str, Any]) -> dict[str, Any] | None:
    author, content, metadata = (message.get(name) or {} for name in ("author", "content", "metadata"))
    if not (isinstance(author, dict) and isinstance(content, dict) and isinstance(metadata, dict)):
        return None
    role = author.get("role")
    if role not in _ROLES or content.get("content_type") not in _CONTENTS:
        return None
    if message.get("recipient") not in (None, "all") or message.get("channel") == "analysis":
        return None
    if any(metadata.get(flag) for flag in _HIDDEN):
        return None
    text = _text(content.get("parts"))
    if not text.strip():
        return None
    return {"role": role, "content": text, "time": when(message.get("create_time")), "id": named(message.get("id"))}


def _text(parts: Any) -> str:
    """Return the texts among the parts: of speech the transcription, of pictures nothing."""
    if not isinstance(parts, list):
        return ""
    texts = (said(part.get("text") if isinstance(part, dict) else part) for part in parts)
    return "\n\n".join(clean for text in texts if (clean := _CITATION.sub("", text)).strip())
