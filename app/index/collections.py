"""The collections of a shared index as the database keeps track of them: which one answers, and what it may lack.

`app.store` implements this; what a collection is on its server, an engine knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IndexCollection:
    """A row. state: filling, live or retired; position: complete below this transaction, None until filled once."""

    name: str
    state: str
    shape: dict[str, Any]
    position: int | None
    points: int
    rebuild_asked: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveCollection:
    """The live collection as a search of one user sees it.

    changed: sessions and memories with changes the collection may not have yet; more than asked for: too many.
    log_is_short: the log no longer reaches back to its position, so what it lacks is unknown.
    """

    name: str
    shape: dict[str, Any]
    log_is_short: bool
    changed: list[tuple[UUID, UUID]]


class Collections(Protocol):
    """Reads and changes those rows, of one database alone. All raise StoreUnavailable."""

    async def all(self) -> list[IndexCollection]:
        """Return all, oldest first."""

    async def live(self) -> IndexCollection | None:
        """Return the one that answers."""

    async def seen_by(self, user: str, changes: int) -> LiveCollection | None:
        """Return the live collection and at most `changes` + 1 of the user's changes it may lack, as this user."""

    async def lag(self, changes: int) -> tuple[int, float]:
        """Return (changes the live collection may lack, at most `changes`; seconds since the oldest of them)."""

    async def begin(self, prefix: str, shape: dict[str, Any]) -> str:
        """Note a new collection that is going to be filled, and return its name."""

    async def save(self, name: str, position: int, seen: str) -> None:
        """Note that a collection has everything below a transaction, and all that a snapshot shows."""

    async def note_points(self, name: str, points: int) -> None:
        """Note how far the filling is."""

    async def switch(self, name: str) -> None:
        """Make a filled collection the live one, and retire the one that was."""

    async def retire(self, name: str) -> None:
        """Let no search use a collection any more."""

    async def left_over(self, grace: timedelta) -> list[str]:
        """Return the collections that were retired longer ago than `grace`, or are being filled for longer."""

    async def remove(self, name: str) -> None:
        """Forget a collection that is gone."""

    async def remove_strangers(self) -> None:
        """Forget collections of other databases: the copies a restored backup brought."""

    async def ask_for_rebuild(self) -> None:
        """Ask for a new collection in the place of the live one; the process that feeds it fills one."""
