"""The records of a shared index's collections: which one answers searches, and which changes it may lack.

`app.store` implements this; the engine knows what a collection is on its server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IndexCollection:
    """A collection's record.

    state: filling, live or retired. position: complete below this transaction, None until filled.
    """

    name: str
    state: str
    shape: dict[str, Any]
    position: int | None
    points: int
    rebuild_asked: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveCollection:
    """The live collection for a search of one user.

    changed: sessions and memories with changes the collection may lack; one more than requested means too many.
    log_is_short: the log no longer reaches back to its position, so the changes it lacks are unknown.
    """

    name: str
    shape: dict[str, Any]
    log_is_short: bool
    changed: list[tuple[UUID, UUID]]


class Collections(Protocol):
    """Reads and changes the records of one database. Every call raises StoreUnavailable."""

    async def all(self) -> list[IndexCollection]:
        """Return all collections, oldest first."""

    async def live(self) -> IndexCollection | None:
        """Return the collection that answers searches."""

    async def seen_by(self, user: str, changes: int) -> LiveCollection | None:
        """Return, as this user, the live collection and at most `changes` + 1 of the user's changes it may lack."""

    async def lag(self, changes: int) -> tuple[int, float]:
        """Return (number of changes the live collection may lack, at most `changes`; seconds since the oldest)."""

    async def begin(self, prefix: str, shape: dict[str, Any]) -> str:
        """Record a new collection to fill, and return its name."""

    async def save(self, name: str, position: int, seen: str) -> None:
        """Record that a collection has everything below a transaction, and all that a snapshot shows."""

    async def note_points(self, name: str, points: int) -> None:
        """Record how many points the filling has written."""

    async def switch(self, name: str) -> None:
        """Make a filled collection the live one, and retire the previous one."""

    async def retire(self, name: str) -> None:
        """Stop searches from using a collection."""

    async def left_over(self, grace: timedelta) -> list[str]:
        """Return the collections that were retired, or whose filling began, longer ago than `grace`."""

    async def remove(self, name: str) -> None:
        """Delete the record of a deleted collection."""

    async def remove_strangers(self) -> None:
        """Delete the records of other databases' collections, which a restored backup copied."""

    async def ask_for_rebuild(self) -> None:
        """Ask the feeding process to fill a new collection and replace the live one with it."""
