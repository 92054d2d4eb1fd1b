"""Reads Gemini CLI's chats: ~/.gemini/tmp/<project>/chats/session-<time>-<id>.jsonl, or .json of older versions.

Source: github.com/google-gemini/gemini-cli, packages/core/src/services/chatRecordingService.ts and
chatRecordingTypes.ts. A line is a message, the session's metadata, `$set` (metadata, or all messages anew) or
`$rewindTo` (this message and those after it are gone); a message that is there again replaces the one before.
The file names its project only by a hash, so the conversations belong to none; `--project` gives one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from app.ops.importing.entries import BadEntry, ConversationParts, Entry, LeftAside, Position, named, said, when
from app.ops.importing.held_back import HeldBack
from app.ops.importing.json_values import values
from app.ops.importing.program_text import spoken

AGENT = "gemini-cli"
_ROLES = {"user": "user", "gemini": "assistant"}
_COMMANDS = ("/", "?")  # for the program: Gemini CLI itself does not count them as prompts


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the conversation of a session; a long one in parts."""
    with HeldBack() as held:
        chat = _Chat(file, held)
        for position, record in held.until_full(values(stream, file, "record")):
            if isinstance(record, BadEntry):
                yield record
            else:
                chat.add(position, record)
        yield from chat.entries()
        yield from (LeftAside(what=what, count=count) for what, count in chat.aside.items())


class _Chat:
    """One session."""

    def __init__(self, file: str | None, held: HeldBack) -> None:
        self._file = file
        self._held = held
        self._about: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}
        self.aside: Counter[str] = Counter()

    def add(self, position: Position, record: dict[str, Any]) -> None:
        """Take in a record."""
        if isinstance(record.get("$rewindTo"), str):
            first = self._numbers.get(record["$rewindTo"], 0)
            self.aside["messages that were rewound"] += self._held.drop(first, self._held.count)
        elif isinstance(record.get("$set"), dict):
            if isinstance(record["$set"].get("messages"), list):
                self._held.drop(0, self._held.count)
                self._numbers.clear()
            self._metadata(position, record["$set"])
        elif isinstance(record.get("id"), str):
            self._message(position, record)
        elif "sessionId" in record:
            self._metadata(position, record)

    def _metadata(self, position: Position, about: dict[str, Any]) -> None:
        self._about |= {key: value for key, value in about.items() if key in ("sessionId", "summary", "kind")}
        messages = about.get("messages")
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict):
                self._message(position, message)

    def _message(self, position: Position, message: dict[str, Any]) -> None:
        role = _ROLES.get(str(message.get("type")))
        if role is None:
            self.aside["messages of the program"] += 1
            return
        if message.get("toolCalls"):
            self.aside["calls of tools"] += len(message["toolCalls"])
        if message.get("thoughts"):
            self.aside["thoughts"] += len(message["thoughts"])
        shown = message.get("displayContent")  # what the person typed, without the files that it names
        text = _text(shown) or _text(message.get("content"))
        if role == "user":
            text = spoken(text)
            if text.startswith(_COMMANDS):
                self.aside["commands for the program"] += 1
                return
        if not text.strip():
            return
        time, id_ = message.get("timestamp"), named(message.get("id"))
        row = {"role": role, "content": text, "time": time if isinstance(time, str) else None, "id": id_}
        number = self._held.add(None, "", row)
        if id_ is not None:
            if id_ in self._numbers:
                self._held.drop(self._numbers[id_])
            self._numbers[id_] = number

    def entries(self) -> Iterator[Entry]:
        """Yield the conversation."""
        if self._about.get("kind") == "subagent":
            self.aside["messages of sub-agents"] += self._held.count
            return
        parts = ConversationParts(AGENT)
        id_ = named(self._about.get("sessionId")) or (named(PurePosixPath(self._file).stem) if self._file else None)
        parts.conversation = {"conversation_id": id_ or "gemini-cli", "title": named(self._about.get("summary"))}
        for held in self._held:
            position = Position(file=self._file, part=f"message {held.number + 1}")
            yield from parts.add(position, {**held.message, "time": when(held.message["time"])})
        yield from parts.flush()


def _text(content: Any) -> str:
    """Return the texts of a part or a list of parts (PartListUnion of @google/genai)."""
    parts = content if isinstance(content, list) else [content]
    texts = (said(part.get("text") if isinstance(part, dict) and not part.get("thought") else part) for part in parts)
    return "\n\n".join(text for text in texts if text.strip())
