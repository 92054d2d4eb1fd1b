"""What waits to be handed to another service: its form, and the interface of the outbox that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.memory.types import OutboxDepth


class OutboxState(StrEnum):
    """How far an entry of the outbox is; a delivered one leaves it."""

    WAITING = "waiting"  # to be sent; also after an attempt that failed or had no answer
    SENT = "sent"  # the service has a task for it, which is not done yet
    REFUSED = "refused"  # the service does not take it; kept until someone sends it again or drops it


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """One message to hand over; a memory that is no turn of a conversation is one message with the role `user`."""

    role: str
    text: str
    name: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """What one request hands over: a memory, or a stretch of a conversation.

    id: its place in the order in which writes were acknowledged. key: the same for every attempt, and no other entry's.
    part, parts: its place among the pieces of a write that was too long for one request, from 1.
    attempts: requests that were begun. task_id: what the service calls its work on the entry, once it has begun.
    problem: why the last attempt failed, in one line.
    """

    id: int
    key: UUID
    user: str
    agent: str
    project: str | None
    kind: str
    tags: tuple[str, ...]
    conversation_id: str | None
    title: str | None
    part: int
    parts: int
    messages: tuple[OutboxMessage, ...]
    state: OutboxState
    task_id: str | None
    attempts: int
    problem: str | None
    created_at: datetime
    next_at: datetime


class Outbox(Protocol):
    """Keeps entries in order until the service has them. Each call is one transaction. Raises StoreUnavailable."""

    async def due(self, limit: int) -> list[OutboxEntry]:
        """Return entries to send or to ask about now, oldest first: of each conversation only its oldest.

        An entry whose memories are all forgotten or expired leaves the outbox instead. A refused one holds nothing up.
        """

    async def seconds_to_next(self) -> float | None:
        """Return the seconds until the next entry is due, at least 0; None when nothing waits."""

    async def begin(self, entry: OutboxEntry) -> bool:
        """Count an attempt; the request leaves only after this is committed.

        False: a memory of it was changed or forgotten since it was read, so it must not leave like this.
        """

    async def accepted(self, entry: OutboxEntry, task_id: str, ask_after_s: float) -> None:
        """Note the service's task, and ask about it after a while."""

    async def delivered(self, entry: OutboxEntry) -> None:
        """Remove an entry that the service has; keep receipts of its memories where those are kept there alone."""

    async def postpone(self, entry: OutboxEntry, problem: str | None, wait_s: float) -> None:
        """Try or ask again after a while. problem: why, or None where it is only not done yet."""

    async def refuse(self, entry: OutboxEntry, problem: str) -> None:
        """Keep an entry that the service does not take, for a person to decide."""

    async def depth(self, user: str | None = None) -> OutboxDepth:
        """Return how much waits of a user; of all without one."""

    async def waiting_ids(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        """Return which of these memories are in the outbox, refused ones included."""
