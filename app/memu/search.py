"""Searches memU, and leaves it alone for a while when it does not answer, so that a dead service slows few searches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from app.errors import MemoryServerError
from app.memory.types import FoundElsewhere, Kind, Memory, Origin, Scope
from app.memu.service import Category, Found, Item, MemuService

QUIET_S = 5.0  # after a failure, searches do without the service for this long

# memU's kinds (https://github.com/NevaMind-AI/memU, its README) as ours; any other is a note.
_KINDS = {
    "profile": Kind.FACT,
    "event": Kind.FACT,
    "knowledge": Kind.FACT,
    "behavior": Kind.PREFERENCE,
    "preference": Kind.PREFERENCE,
    "decision": Kind.DECISION,
}


class MemuSearch:
    """An app.memory.ports.ForeignSearch on memU."""

    def __init__(
        self,
        service: MemuService,
        agent: str,
        within_s: float,
        quiet_s: float = QUIET_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """agent: the agent whose memories are searched. within_s: how long a search waits for the service."""
        self.problem: str | None = None  # why the last search found nothing there
        self._service, self._agent, self._within_s = service, agent, within_s
        self._quiet_s, self._clock = quiet_s, clock
        self._quiet_until = clock()

    async def find(self, scope: Scope, query: str, limit: int) -> FoundElsewhere:
        """Return what the service finds, or why it cannot be asked, within `within_s`. Raises nothing."""
        if self.problem is not None:
            if self._clock() < self._quiet_until:
                return FoundElsewhere(problem=self.problem)
            self._quiet_until = self._clock() + self._within_s  # this search tries; those beside it do not wait too
        try:
            async with asyncio.timeout(self._within_s):
                found = await self._service.retrieve(scope.user, self._agent, query, limit, within_s=self._within_s)
        except TimeoutError:
            return self._failed(f"memU did not answer within {self._within_s:g} s (MEMU_SEARCH_SECONDS)")
        except MemoryServerError as error:
            return self._failed(str(error))
        self.problem = None
        return FoundElsewhere(memories=memories_of(found)[:limit])

    def _failed(self, problem: str) -> FoundElsewhere:
        self.problem, self._quiet_until = problem, self._clock() + self._quiet_s
        return FoundElsewhere(problem=problem)


def memories_of(found: Found) -> tuple[Memory, ...]:
    """Return what memU found as memories: single ones in its order, then summaries of whole subjects."""
    now = datetime.now(UTC)
    items = [
        _memory(item.id, item.text, kind_of(item), item.created_at or now, item.occurred_at) for item in found.items
    ]
    subjects = [category_memory(category, now) for category in found.categories if category.summary]
    return (*items, *subjects)


def category_memory(category: Category, at: datetime) -> Memory:
    """Return a subject's summary as a memory. at: when it was read, because memU gives no time."""
    return _memory(f"category:{category.name}", f"{category.name}: {category.summary}", Kind.SUMMARY, at, None)


def kind_of(item: Item) -> Kind:
    """Return memU's kind as ours."""
    return _KINDS.get((item.kind or "").lower(), Kind.NOTE)


def _memory(their_id: str, text: str, kind: Kind, created_at: datetime, occurred_at: datetime | None) -> Memory:
    return Memory(
        id=id_of(their_id),
        version=1,
        text=text,
        kind=kind,
        project=None,
        tags=(),
        metadata={},
        role=None,
        name=None,
        conversation_id=None,
        message_id=None,
        position=None,
        created_at=created_at,
        updated_at=created_at,
        occurred_at=occurred_at,
        expires_at=None,
        archived_at=None,
        source=Origin.MEMU,
    )


def id_of(theirs: str) -> UUID:
    """Return memU's id where it is a UUID, and otherwise one that is always the same for it."""
    try:
        return UUID(theirs)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"memu:{theirs}")
