"""Reads the account export of ChatGPT (Settings, Data controls, Export): `conversations.json`, or numbered ones.

OpenAI documents no format; the names are those of exports, and of public readers of them. A conversation is a tree of
nodes in `mapping`. The branch on the screen ends at `current_node`; the other branches are questions and answers that
were abandoned. Messages to tools hold more than calls: a canvas is written by `canmore`, a memory by `bio`. The
instructions that a person gave for all chats, and what ChatGPT remembers, stand hidden in front of a conversation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from app.memory.types import TEXT_LIMIT_CHARACTERS, Kind
from app.ops.importing.documents import Documents
from app.ops.importing.entries import (
    BadEntry,
    ConversationParts,
    Entry,
    LeftAside,
    Position,
    named,
    remembered,
    said,
    when,
)
from app.ops.importing.json_values import values

AGENT = "chatgpt"
_ROLES = ("user", "assistant")  # no one wrote what system and tool say
_CONTENTS = ("text", "multimodal_text")  # code is for a tool; thoughts and the like are no answer
_HIDDEN = ("is_visually_hidden_from_conversation", "is_user_system_message")
_CITATION = re.compile("\ue200[^\ue200\ue201]*\ue201")  # marks for the screen; outside ChatGPT they mean nothing
_CANVAS = "canmore."
_WHOLE = (".*", "(?s).*", "(?s)^.*$", "^.*$", r"[\s\S]*")
_FILE = re.compile(r"The contents of the file (.{1,200}?) are copied here\.", re.DOTALL)
_FILE_ENDS = "End of copied content"
_DATED = re.compile(r"^(?:\d+\. )?\[[^\]\n]{4,20}\]\.?\s*", re.MULTILINE)
_ASIDE = {
    "thoughts": "thoughts",
    "reasoning_recap": "thoughts",
    "code": "calls of tools",
    "execution_output": "results of tools",
    "tether_quote": "results of tools",
    "tether_browsing_display": "results of tools",
}


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversations of an export, and the memories that stand in them."""
    aside: Counter[str] = Counter()
    for position, value in values(stream, file, "conversation", ("title", "create_time")):
        if isinstance(value, BadEntry):
            yield value
            continue
        id_ = value.get("conversation_id") or value.get("id")
        if not isinstance(id_, str) or not isinstance(value.get("mapping"), dict):
            yield BadEntry(position=position, reason="has no id or no mapping: is this an account export of ChatGPT?")
            continue
        parts = ConversationParts(AGENT)
        parts.conversation = {"conversation_id": id_, "title": named(value.get("title")), "project": None}
        path = branch(value["mapping"], value.get("current_node"))
        aside["messages on other branches"] += _messages(value["mapping"]) - len(path)
        told = Documents()
        for number, message in enumerate(path, 1):
            place = Position(file=position.file, part=f"{position.part}, message {number}")
            yield from _memories(place, message)
            _tell(place, id_, message, told, aside)
        for place, row in told.messages():
            yield from parts.add(place, row)
        yield from parts.flush()
    yield from (LeftAside(what=what, count=count) for what, count in aside.items())


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


def _messages(mapping: dict[str, Any]) -> int:
    return sum(isinstance(node, dict) and isinstance(node.get("message"), dict) for node in mapping.values())


def _time(node: dict[str, Any]) -> float:
    message = node.get("message")
    moment = when(message.get("create_time")) if isinstance(message, dict) else None
    return 0.0 if moment is None else moment.timestamp()


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _memories(place: Position, message: dict[str, Any]) -> Iterator[Entry]:
    """Yield what ChatGPT remembers and the instructions for all chats; each conversation has them again."""
    content, recipient = _part(message, "content"), message.get("recipient")
    kind = content.get("content_type")
    found: list[tuple[str, Kind, str]] = []
    if kind == "user_editable_context":
        found += [(said(content.get(key)), Kind.PREFERENCE, key) for key in ("user_profile", "user_instructions")]
    elif kind == "model_editable_context":
        texts = _DATED.split(said(content.get("model_set_context")))
        found += [(text, Kind.FACT, "memories") for text in texts]
    elif recipient == "bio" and _part(message, "author").get("role") == "assistant":
        found.append((_text(content), Kind.FACT, "memories"))
    for text, memory_kind, part in found:
        if text.strip():
            memory = {"text": text.strip(), "kind": memory_kind, "metadata": {"source": AGENT, "part": part}}
            yield remembered(place, memory | {"created_at": when(message.get("create_time"))}, AGENT)


def _tell(place: Position, conversation: str, message: dict[str, Any], told: Documents, aside: Counter[str]) -> None:
    """Add what a message says, or the document that it writes."""
    author, content, metadata = (_part(message, name) for name in ("author", "content", "metadata"))
    role, kind, recipient = author.get("role"), str(content.get("content_type")), message.get("recipient")
    attachments = metadata.get("attachments")
    if isinstance(attachments, list):
        aside["files without their text"] += len(attachments)
    if isinstance(recipient, str) and recipient.startswith(_CANVAS) and role == "assistant":
        if not _canvas(place, conversation, recipient, _text(content), told):
            aside["changes of a canvas that do not fit it"] += 1
        return
    report = bool(metadata.get("is_async_task_result_message")) or metadata.get("async_task_type") == "research"
    text = _text(content) if kind in _CONTENTS else ""
    row = {"role": role, "content": text, "time": when(message.get("create_time")), "id": named(message.get("id"))}
    copied = _FILE.search(text) if role in ("system", "tool", "user") else None
    if copied is not None and (words := text[copied.end() :].partition(_FILE_ENDS)[0].strip()):
        file = {"kind": Kind.REFERENCE, "metadata": {"file": copied[1]}}
        told.say(place, {**row, "role": "user", "content": words, **file})
    elif report and role in ("assistant", "tool") and text.strip():
        title = named(metadata.get("async_task_title"))
        about = {"kind": Kind.REFERENCE, "metadata": {"document": title} if title else {}}
        told.say(place, {**row, "role": "assistant", **about})
    elif _is_said(message, role, metadata) and text.strip():
        told.say(place, row)
    elif recipient != "bio" and (text.strip() or kind in _ASIDE):
        aside[_ASIDE.get(kind, "texts of the program and of tools")] += 1


def _is_said(message: dict[str, Any], role: Any, metadata: dict[str, Any]) -> bool:
    if role not in _ROLES or any(metadata.get(flag) for flag in _HIDDEN):
        return False
    return message.get("recipient") in (None, "all") and message.get("channel") != "analysis"


def _canvas(place: Position, conversation: str, recipient: str, text: str, told: Documents) -> bool:
    """Write a canvas document, or change the one that was written last; return whether that was possible."""
    try:
        given = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    if not isinstance(given, dict):
        return False
    if recipient.endswith("create_textdoc"):
        name = named(given.get("name"))
        if content := said(given.get("content")):
            told.write(place, f"{conversation}-canvas-{name}", name, content)
        return bool(content)
    id_ = told.newest()
    updates = given.get("updates")
    if id_ is None or not recipient.endswith("update_textdoc") or not isinstance(updates, list):
        return recipient.endswith("comment_textdoc")
    new = told.text(id_) or ""
    fits = True
    for update in updates:
        pattern, replacement = (
            (update.get(key) for key in ("pattern", "replacement")) if isinstance(update, dict) else ("", "")
        )
        # The pattern is a regular expression out of a file, so it is not run: it may take for ever.
        plain = re.sub(r"\\(\W)", r"\1", pattern) if isinstance(pattern, str) else ""
        if pattern in _WHOLE:
            new = said(replacement)
        elif plain and (often := new.count(plain) if update.get("multiple") else int(plain in new)):
            if len(new) + often * (len(said(replacement)) - len(plain)) > TEXT_LIMIT_CHARACTERS:
                return False  # every update could double it
            new = new.replace(plain, said(replacement), often)
        else:
            fits = False
    if new.strip():
        told.write(place, id_, None, new)
    return fits


def _text(content: dict[str, Any]) -> str:
    """Return the texts among the parts: of speech the transcription, of pictures nothing; or the text of code."""
    parts = content.get("parts")
    if not isinstance(parts, list):
        return said(content.get("text"))
    texts = (said(part.get("text") if isinstance(part, dict) else part) for part in parts)
    return "\n\n".join(clean for text in texts if (clean := _CITATION.sub("", text)).strip())
