"""Remembers texts and conversations: redacts and cuts each one, and stores it in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.memory.ports import Domain
from app.memory.requests import Memorize, MemorizeConversation, Message
from app.memory.texts import Cleaner, content_hash, content_id, message_hash, pieces, run_off_loop_if_long
from app.memory.types import NewMemory, NewTurn, Scope, Stored, StoredConversation


async def remember(domain: Domain, scope: Scope, request: Memorize) -> Stored:
    """Store a text; a second copy in the same project is a duplicate of the first."""
    cleaner = Cleaner(domain.settings)
    memory = await run_off_loop_if_long(len(request.text), lambda: _memory(domain, cleaner, request))
    return replace(await domain.store.add(scope, memory), redacted=cleaner.redacted)


def _memory(domain: Domain, cleaner: Cleaner, request: Memorize) -> NewMemory:
    text = cleaner.text(request.text)
    return NewMemory(
        pieces=pieces(text, domain.settings.piece_characters, domain.new_id),
        content_hash=content_hash(text),
        kind=request.kind,
        project=cleaner.value(request.project),
        tags=tuple(cleaner.text(tag) for tag in request.tags),
        metadata=cleaner.value(request.metadata),
        expires_at=_days_from_now(request.expires_in_days),
    )


async def remember_conversation(domain: Domain, scope: Scope, request: MemorizeConversation) -> StoredConversation:
    """Append messages to a conversation; skip those it already has."""
    cleaner = Cleaner(domain.settings)
    size = sum(len(message.content) for message in request.messages)
    turns = await run_off_loop_if_long(size, lambda: [_turn(domain, cleaner, message) for message in request.messages])
    conversation_id = cleaner.value(request.conversation_id) or _id_from_content(turns)
    project, title = cleaner.value(request.project), cleaner.value(request.title)
    stored = await domain.store.add_turns(scope, conversation_id, project, title, turns)
    return replace(stored, redacted=cleaner.redacted)


def _turn(domain: Domain, cleaner: Cleaner, message: Message) -> NewTurn:
    text = cleaner.text(message.content)
    return NewTurn(
        pieces=pieces(text, domain.settings.piece_characters, domain.new_id),
        content_hash=message_hash(message.role, message.name, message.time, text),
        role=cleaner.text(message.role),
        name=cleaner.value(message.name),
        message_id=cleaner.value(message.id),
        occurred_at=message.time,
    )


def _id_from_content(turns: list[NewTurn]) -> str:
    """Return an id derived from the content, so that a repeated call appends to the same conversation."""
    return str(content_id(content_hash(*(turn.content_hash.hex() for turn in turns))))


def _days_from_now(days: float | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)
