"""Remembers texts and conversations: redacts and cuts each one, and stores it in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from app.memory.moments import in_zone
from app.memory.off_loop import characters_of
from app.memory.ports import Domain, DomainSettings
from app.memory.requests import Memorize, MemorizeConversation, Message
from app.memory.texts import Cleaner, NewId, content_hash, content_id, message_hash, pieces, text_hash
from app.memory.types import NewMemory, NewTurn, Scope, Stored, StoredConversation

_ROW_CHARACTERS = 50  # a message takes as long to store as so many characters of text


async def remember(domain: Domain, scope: Scope, request: Memorize) -> Stored:
    """Store a text; a second copy in the same project adds to the first what came with it."""
    size = max(len(request.text), characters_of([request.text, request.tags, request.metadata]))

    async def store(prepared: tuple[NewMemory, int]) -> Stored:
        memory, redacted = prepared
        return replace(await domain.store.add(scope, memory), redacted=redacted)

    return await domain.preparing.store(
        scope.user, size, partial(_memory, domain.settings, domain.new_id, request), store
    )


def _memory(settings: DomainSettings, new_id: NewId, request: Memorize) -> tuple[NewMemory, int]:
    """Return the memory, and how many credentials were redacted."""
    cleaner = Cleaner(settings)
    text = cleaner.text(request.text)
    memory = NewMemory(
        pieces=pieces(text, settings.piece_characters, new_id),
        content_hash=text_hash(text),
        kind=request.kind,
        kind_given="kind" in request.model_fields_set,
        project=cleaner.value(request.project),
        tags=tuple(cleaner.text(tag) for tag in request.tags),
        metadata=cleaner.value(request.metadata),
        expires_at=_days_from_now(request.expires_in_days),
    )
    return memory, cleaner.redacted


async def remember_conversation(domain: Domain, scope: Scope, request: MemorizeConversation) -> StoredConversation:
    """Append messages to a conversation; skip those it already has."""
    size = sum(map(_characters, request.messages)) + _ROW_CHARACTERS * len(request.messages)

    async def store(prepared: _Conversation) -> StoredConversation:
        stored = await domain.store.add_turns(scope, prepared.id, prepared.project, prepared.title, prepared.turns)
        return replace(stored, redacted=prepared.redacted)

    return await domain.preparing.store(
        scope.user, size, partial(_conversation, domain.settings, domain.new_id, request), store
    )


class _Conversation(NamedTuple):
    """A conversation, ready to store. redacted: how many credentials it had."""

    id: str
    project: str | None
    title: str | None
    turns: list[NewTurn]
    redacted: int


def _characters(message: Message) -> int:
    return len(message.content) + len(message.role) + len(message.name or "") + len(message.id or "")


def _conversation(settings: DomainSettings, new_id: NewId, request: MemorizeConversation) -> _Conversation:
    cleaner = Cleaner(settings)
    turns = [_turn(settings, new_id, cleaner, message) for message in request.messages]
    id_ = cleaner.value(request.conversation_id) or _id_from_content(turns)
    project, title = cleaner.value(request.project), cleaner.value(request.title)
    return _Conversation(id_, project, title, turns, cleaner.redacted)


def _turn(settings: DomainSettings, new_id: NewId, cleaner: Cleaner, message: Message) -> NewTurn:
    text = cleaner.text(message.content)
    at = None if message.time is None else in_zone(message.time, settings.zone)
    return NewTurn(
        pieces=pieces(text, settings.piece_characters, new_id),
        content_hash=message_hash(message.role, message.name, at, text),
        role=cleaner.text(message.role),
        name=cleaner.value(message.name),
        message_id=cleaner.value(message.id),
        occurred_at=at,
    )


def _id_from_content(turns: list[NewTurn]) -> str:
    """Return an id derived from the content, so that a repeated call appends to the same conversation."""
    return str(content_id(content_hash(*(turn.content_hash.hex() for turn in turns))))


def _days_from_now(days: float | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)
