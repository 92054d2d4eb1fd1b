"""What a reader of any format yields: what it found, or why a place could not be read."""

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
# A longer conversation comes in parts, so that memory stays bounded and no statement takes long.
MESSAGES_TOGETHER = 500
CHARACTERS_TOGETHER = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands. file: its name inside a folder or an archive; line: from 1; part: what in that line."""

    file: str | None = None
    line: int | None = None
    part: str | None = None

    def __str__(self) -> str:
        line = None if self.line is None else f"line {self.line}"
        return ", ".join(one for one in (self.file, line, self.part) if one) or "the input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A memory or a conversation, checked. agent: who it comes from, where the format tells."""

    place: Place
    item: MemoryLine | ConversationLine
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """Something that was left out, and why: one line."""

    place: Place
    reason: str


Entry: TypeAlias = Found | Bad


class Parts:
    """Collects the messages of one conversation and hands them on in parts."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._messages: list[MessageLine] = []
        self._characters = 0
        self._place = Place()
        self.conversation: dict[str, Any] = {}

    def add(self, place: Place, message: dict[str, Any]) -> Iterable[Entry]:
        """Take a message; yield what is bad about it, or the part that is full."""
        try:
            checked_message = checked(MessageLine, {key: value for key, value in message.items() if value is not None})
        except InvalidInput as error:
            yield Bad(place=place, reason=str(error))
            return
        if not self._messages:
            self._place = place
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
                yield Bad(place=self._place, reason=str(error))
            else:
                yield Found(place=self._place, item=item, agent=self._agent)


def in_parts(place: Place, line: ConversationLine) -> Iterable[Found]:
    """Yield a conversation in parts when it is long."""
    messages: list[MessageLine] = []
    characters = 0
    for message in line.messages:
        messages.append(message)
        characters += len(message.content)
        if len(messages) >= MESSAGES_TOGETHER or characters >= CHARACTERS_TOGETHER:
            yield Found(place=place, item=line.model_copy(update={"messages": messages}))
            messages, characters = [], 0
    if messages or not line.messages:
        yield Found(place=place, item=line.model_copy(update={"messages": messages}))


def named(value: Any) -> str | None:
    """Return a foreign title or name as ours may be: one line, not too long; None where there is nothing."""
    if not isinstance(value, str):
        return None
    line = " ".join(_CONTROL.sub(" ", said(value)).split())
    return line[:NAME_LIMIT_CHARACTERS].strip() or None


def said(value: Any) -> str:
    """Return a foreign text without what PostgreSQL cannot hold; '' where there is none."""
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8").strip("\n")


def when(value: Any) -> datetime | None:
    """Return a foreign time: ISO 8601, or seconds since 1970; None for anything else."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if value is None or isinstance(value, bool):
            return None
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
