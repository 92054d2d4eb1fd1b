"""What a reader of any format yields: an entry to store, why one cannot be stored, or what is left aside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from app.errors import InvalidInput
from app.memory.moments import in_zone, parsed
from app.memory.requests import checked
from app.memory.types import NAME_LIMIT_CHARACTERS
from app.ops.importing.lines import ConversationLine, MemoryLine, MessageLine
from app.ops.importing.repair import joined

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A longer conversation is stored in parts, so that memory stays bounded and no statement takes long.
MESSAGES_TOGETHER = 500
CHARACTERS_TOGETHER = 500_000


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
    """A memory or a conversation, checked.

    agent: the client it comes from, if the format says so. folder: where its client worked; it names the project.
    project_id: of an account's project, whose name another file of the export has.
    """

    position: Position
    item: MemoryLine | ConversationLine
    agent: str | None = None
    folder: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """An entry that cannot be stored, and why: one line."""

    position: Position
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAside:
    """What a format holds and is no memory, on purpose. what: its plural, such as "tool calls"."""

    what: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectName:
    """The name of an account's project; it comes before the entries that mean it."""

    project_id: str
    name: str


Entry: TypeAlias = GoodEntry | BadEntry | LeftAside | ProjectName


class ConversationParts:
    """Collects the messages of one conversation and yields them in parts."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._messages: list[MessageLine] = []
        self._characters = 0
        self._position = Position()
        self.conversation: dict[str, Any] = {}
        self.folder: str | None = None

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
                yield GoodEntry(position=self._position, item=item, agent=self._agent, folder=self.folder)


def remembered(position: Position, memory: dict[str, Any], agent: str, folder: str | None = None) -> Entry:
    """Return another program's memory as an entry, or what is wrong with it; values that are None are left out."""
    try:
        item = checked(MemoryLine, {key: value for key, value in memory.items() if value is not None})
    except InvalidInput as error:
        return BadEntry(position=position, reason=str(error))
    return GoodEntry(position=position, item=item, agent=agent, folder=folder)


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
    return joined(value.replace("\x00", "")).strip("\n")


def when(value: Any) -> datetime | None:
    """Return another vendor's time: ISO 8601, in UTC without an offset, or seconds since 1970; None for others."""
    try:
        if isinstance(value, str):
            return in_zone(parsed(value), UTC)
        if value is None or isinstance(value, bool):
            return None
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
