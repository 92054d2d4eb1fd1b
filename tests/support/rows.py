"""Puts memories straight into the store, without the domain's checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.memory.analysis import analyse
from app.memory.texts import message_hash, text_hash
from app.memory.types import Kind, NewMemory, NewTurn, Piece, Scope, StoredConversation
from app.store.postgres import PostgresStore
from app.store.rows import new_id


def piece(text: str) -> Piece:
    """Return a piece with a new id."""
    return Piece(id=new_id(), text=text, analysis=analyse(text))


def note(*texts: str, kind: Kind = Kind.NOTE, project: str | None = None, **more: Any) -> NewMemory:
    """Return a memory to store, of one piece for each text."""
    values = {"tags": (), "metadata": {}, "expires_at": None, **more}
    return NewMemory(
        pieces=tuple(map(piece, texts)), content_hash=text_hash("".join(texts)), kind=kind, project=project, **values
    )


async def add_note(store: PostgresStore, scope: Scope, *texts: str, **more: Any) -> UUID:
    """Store a memory and return its id."""
    return (await store.add(scope, note(*texts, **more))).id


def turn(
    *texts: str, id: str | None = None, role: str = "user", name: str | None = None, at: datetime | None = None
) -> NewTurn:
    """Return a turn to store, of one piece for each text."""
    return NewTurn(
        pieces=tuple(map(piece, texts)),
        content_hash=message_hash(role, name, at, "".join(texts)),
        role=role,
        name=name,
        message_id=id,
        occurred_at=at,
    )


async def add_turns(
    store: PostgresStore,
    scope: Scope,
    conversation: str,
    *turns: NewTurn | str,
    project: str | None = None,
    title: str | None = None,
) -> StoredConversation:
    """Append turns to a conversation; a plain string is a turn without an id."""
    made: Sequence[NewTurn] = [turn(one) if isinstance(one, str) else one for one in turns]
    return await store.add_turns(scope, conversation, project, title, made)
