"""The change log between store and index: the store adds an entry for every change, and the index follows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log; `at` in seconds since 1970. user: "" once the user was removed.

    bytes: by how much it made the user's texts longer or shorter.
    """

    seq: int
    session: UUID
    memory: UUID
    position: int
    at: float
    user: str
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes visible at one moment: below `horizon` the log is complete, above it more may appear.

    snapshot: the transactions visible at that moment, in PostgreSQL's form; the next read leaves out their changes.
    seen: the snapshot that this read left out. last: where the next page begins, None on the last page.
    """

    horizon: int
    changes: list[Change]
    snapshot: str
    seen: str
    last: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """The fields of a live memory that the index needs."""

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
    asks: bool
    name: str | None = None
    tells_time: bool = False
    tells_number: bool = False
    first_person: int = 0
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: vectors of one model with `size` numbers each, which can be compared with each other."""

    model: str
    size: int


def horizon_of(snapshot: str) -> int:
    """Return the transaction below which a snapshot shows everything; a snapshot is xmin:xmax:open transactions."""
    return int(snapshot.partition(":")[0])


class LogPruned(Exception):
    """A follower cannot continue from its position: the log does not reach back that far, or refilling is less work."""


class ChangeLog(Protocol):
    """Reads the change log of all users, without texts. Every call raises StoreUnavailable."""

    @property
    def model(self) -> str | None:
        """The model whose vectors are followed; None for none."""

    async def database_id(self) -> UUID:
        """Return the id of the database; a restored or new database has another one."""

    async def read(self, position: int, seen: str | None = None) -> Batch:
        """Return the visible changes of transactions from `position` on that `seen` does not include.

        Without `seen`, return all of them; with it, the first page. Raises LogPruned; without `seen` also when there
        are so many changes that refilling is less work.
        """

    async def read_on(self, batch: Batch) -> Batch:
        """Return the next page after a batch that has a `last`, as of the same moment. Raises LogPruned."""

    async def read_alone(self, user: str, position: int, seen: str | None, limit: int) -> Batch:
        """Return what `read` would of one user, at most `limit` changes, as of now. Raises LogPruned.

        Its `last` is set if there are as many; it cannot be read on.
        """

    async def snapshot(self) -> str:
        """Return which transactions are visible now, to read only later ones."""

    async def members(
        self, sessions: Sequence[UUID], user: str | None = None, limit: int | None = None
    ) -> dict[UUID, list[Member]]:
        """Return the live memories of sessions, in order, leaving out empty sessions.

        user: read with this user's permissions, so no one else's rows. limit: maximum number of memories.
        """

    async def space(self) -> Space | None:
        """Return the vectors' space; None without a model, and before its first vector."""

    async def vectors(self, memories: Sequence[UUID], user: str | None = None) -> dict[UUID, bytes]:
        """Return the packed vectors (app/memory/vectors.py) of those memories that have one of the configured model.

        user: as for `members`.
        """

    def everything(self) -> AsyncIterator[dict[UUID, list[Member]]]:
        """Yield all live memories by session, page by page, from one snapshot: one user's sessions after another's."""

    async def live(self) -> int:
        """Return the number of live memories of all users."""

    async def horizon(self) -> int:
        """Return the transaction horizon: everything below it is settled."""
