"""The change log between store and index: what the store writes with every memory, and the index follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log; `at` in seconds since 1970."""

    seq: int
    session: UUID
    memory: UUID
    position: int
    at: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What was visible at one moment: everything below `horizon` is settled, above it more may appear.

    snapshot: which transactions the moment showed, as PostgreSQL writes it; the next read leaves their changes out.
    seen: the snapshot that this read left out. last: where the next page begins, None when this is the last one.
    """

    horizon: int
    changes: list[Change]
    snapshot: str
    seen: str
    last: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A live memory as the index needs it."""

    session: UUID
    position: int
    id: UUID
    user: str
    project: str
    kind: str
    tags: list[str]
    role: str | None
    conversation: str | None
    at: datetime
    terms: list[int]


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors that can be compared with each other: those of one model, each of `size` numbers."""

    model: str
    size: int


def horizon_of(snapshot: str) -> int:
    """Return the transaction below which a snapshot shows everything; its form is xmin:xmax:those still open."""
    return int(snapshot.partition(":")[0])


class LogPruned(Exception):
    """A follower cannot go on from its position: the log no longer reaches back, or filling anew is less work."""


class ChangeLog(Protocol):
    """Read side of the change log; sees every user's rows, and no text. All raise StoreUnavailable."""

    @property
    def model(self) -> str | None:
        """Whose vectors are followed; None for none."""

    async def database_id(self) -> UUID:
        """Return the id of the database, which a restored or new one does not share."""

    async def read(self, position: int, seen: str | None = None) -> Batch:
        """Return the visible changes of transactions from `position` on that `seen` did not show.

        Without `seen` all of them, at once; with it the first page. Raises LogPruned: without `seen` also when there
        are so many that filling anew is less work.
        """

    async def read_on(self, batch: Batch) -> Batch:
        """Return the page after one that has a `last`, as of the same moment."""

    async def snapshot(self) -> str:
        """Return which transactions are visible now; a read that leaves them out gives what comes later."""

    async def members(
        self, sessions: Sequence[UUID], user: str | None = None, limit: int | None = None
    ) -> dict[UUID, list[Member]]:
        """Return the live memories of sessions, in order; a session without any is left out.

        user: read as this user, who sees no others' rows. limit: of memories.
        """

    async def space(self) -> Space | None:
        """Return what the vectors are of; None without a model, and before its first vector."""

    async def vectors(self, memories: Sequence[UUID], user: str | None = None) -> dict[UUID, bytes]:
        """Return the kept vectors (app/memory/vectors.py) of those memories that have one of the model set.

        user: as for `members`.
        """

    def everything(self) -> AsyncIterator[dict[UUID, list[Member]]]:
        """Yield all live memories by session, page by page, from one snapshot."""

    async def live(self) -> int:
        """Return how many live memories there are, of all users."""

    async def horizon(self) -> int:
        """Return the transaction horizon: everything below it is settled."""
