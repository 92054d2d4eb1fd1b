"""What a memU service is to its users here, whichever generation of its API it speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.memory.outbox import OutboxEntry


class Generation(StrEnum):
    """A generation of the API."""

    V1 = "v1"
    V2 = "v2"
    V3 = "v3"
    V4 = "v4"


class Progress(StrEnum):
    """How far the service is with what it was handed."""

    UNDER_WAY = "under_way"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The service's work on one entry. id: None where the service has it at once. problem: why it was refused."""

    id: str | None
    progress: Progress
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One memory as the service holds it. score: higher is better; None where it gives none. id: the service's."""

    id: str
    text: str
    kind: str | None = None
    score: float | None = None
    created_at: datetime | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A summary that the service keeps of all that belongs to one subject."""

    name: str
    description: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the service finds for a question, best first."""

    items: tuple[Item, ...] = ()
    categories: tuple[Category, ...] = field(default=())


class MemuService(Protocol):
    """The API. Every call raises MemuUnavailable, MemuKeyRefused or MemuRefused; no message holds the key or a text."""

    generation: Generation

    async def memorize(self, entry: OutboxEntry) -> Task:
        """Hand an entry over, once: the same bytes and the same Idempotency-Key each time it is repeated."""

    async def task(self, task_id: str) -> Task:
        """Ask how far a task is. Raises MemuRefused when the service does not know it."""

    async def retrieve(self, user: str, agent: str, query: str, limit: int, *, within_s: float) -> Found:
        """Return what the service finds for a question, or raise MemuUnavailable after `within_s` seconds."""

    async def categories(self, user: str, agent: str | None) -> list[Category]:
        """Return the subjects that the service keeps. Raises NotOffered where the generation lists none."""

    def listed(self, user: str, agent: str | None) -> AsyncIterator[Item]:
        """Yield all that the API lists of a user: single memories, or summaries where it lists only these."""

    async def check(self, user: str, agent: str) -> str:
        """Make a harmless round trip with the key and return one line about who answered."""

    async def close(self) -> None:
        """Close all connections."""
