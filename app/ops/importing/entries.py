"""What a reader of any format yields: an entry to store, or why one cannot be stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from app.errors import InvalidInput
from app.memory.requests import checked
from app.memory.types import NAME_LIMIT_CHARACTERS
from app.ops.importing.lines import ConversationLine, MemoryLine, MessageLine

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A longer conversation is stored in parts, so that memory stays bounded and no statement takes long.
MESSAGES_TOGETHER = 500
CHARACTERS_TOGETHER = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an entry is. file: its name inside a folder or an archive; line: from 1; part: what in that line."""

    file: str | None = None
    line: int | None = None
    part: str | None = None

    def __str__(self) -> str:
        line = None if self.line is None else f"line {self.line}"
        return ", ".join(name for name in (self.file, line, self.part) if name) or "the input"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodEntry:
    """A memory or a conversation, checked. agent: the client it comes from, if the format says so."""

    position: Position
    item: MemoryLine | ConversationLine
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """An entry that cannot be stored, and why: one line."""

    position: Position
    reason: str


Entry: TypeAlias = GoodEntry | BadEntry


class ConversationParts:
    """Collects the messages of one conversation and yields them in parts."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._messages: list[MessageLine] = []
        self._characters = 0
        self._position = Position()
        self.conversation: dict[str, Any] = {}

    def add(self, position: Position, message: dict[str, Any]) -> Iterable[Entry]:
        """Add a message; yield the part that is full now, or a message that is invalid."""
        try:
            checked_message = checked(MessageLine, {key: value for key, value in message.items() if value is not None})
        except InvalidInput as error:
            yield BadEntry(position=position, reason=str(error))
            return
        if not self._messages:
            self._position = position
        self._messages.append(checked_message)
        self._characters += len(checked_message.content)
        if len(self._messages) >= MESSAGES_TOGETHER or self._characters >= CHARACTERS_TOGETHER:
            yield from self.flush()

    def flush(self) -> Iterable[Entry]:
        """Yield what is left, if anything."""
        messages, self._messages, self._characters = self._messages, [], 0
        if messages:
            try:
                item = checked(ConversationLine, {**self.conversation, "messages": messages})
            except InvalidInput as error:
                yield BadEntry(position=self._position, reason=str(error))
            else:
                yield GoodEntry(position=self._position, item=item, agent=self._agent)


def in_parts(position: Position, line: ConversationLine) -> Iterable[GoodEntry]:
    """Yield a conversation; a long one in parts."""
    messages: list[MessageLine] = []
    characters = 0
    for message in line.messages:
        messages.append(message)
        characters += len(message.content)
        if len(messages) >= MESSAGES_TOGETHER or characters >= CHARACTERS_TOGETHER:
            yield GoodEntry(position=position, item=line.model_copy(update={"messages": messages}))
            messages, characters = [], 0
    if messages or not line.messages:
        yield GoodEntry(position=position, item=line.model_copy(update={"messages": messages}))


def named(value: Any) -> str | None:
    """Return another vendor's title or name in a form we accept: one line, not too long; None when it is empty."""
    if not isinstance(value, str):
        return None
    line = " ".join(_CONTROL.sub(" ", said(value)).split())
    return line[:NAME_LIMIT_CHARACTERS].strip() or None


def said(value: Any) -> str:
    """Return another vendor's text without what PostgreSQL cannot hold; '' for anything else."""
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8").strip("\n")


def when(value: Any) -> datetime | None:
    """Return another vendor's time: ISO 8601, or seconds since 1970; None for anything else."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if value is None or isinstance(value, bool):
            return None
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
