"""Entries of the outbox, as tests hand them to memU."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from app.memory.outbox import OutboxEntry, OutboxMessage, OutboxState

WRITTEN = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


def an_entry(*texts: str, key: UUID | None = None, **different: Any) -> OutboxEntry:
    """Return an entry with a message of `user` for each text; a plain note of alice's when nothing else is said."""
    values: dict[str, Any] = {
        "id": 1,
        "key": key or uuid4(),
        "user": "alice",
        "agent": "claude",
        "project": None,
        "kind": "note",
        "tags": (),
        "conversation_id": None,
        "title": None,
        "part": 1,
        "parts": 1,
        "messages": tuple(OutboxMessage(role="user", text=text) for text in texts or ("I like apples.",)),
        "state": OutboxState.WAITING,
        "task_id": None,
        "attempts": 0,
        "problem": None,
        "created_at": WRITTEN,
        "next_at": WRITTEN,
    }
    return OutboxEntry(**values | different)
