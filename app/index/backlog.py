"""The changes that were read from the log and are not applied yet, by user, and who waits for them.

A search waits for its own user's changes alone. What the index is complete up to is the last read all of whose changes,
and all of the reads before it, are applied.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.memory.change_log import Change

_TOGETHER = 100  # the weight of several users' changes that are applied together: some 50 ms of work
_BYTES = 1_000  # of text weigh as much as a change


@dataclass(eq=False, slots=True)
class Work:
    """Changes of one user to apply: positions by session, and the memories concerned.

    weight: how much work it is, in changes of short texts. oldest: seconds since 1970.
    """

    user: str
    positions: dict[UUID, set[int]] = field(default_factory=dict)
    memories: set[UUID] = field(default_factory=set)
    changes: int = 0
    weight: int = 0
    oldest: float = float("inf")
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def add(self, change: Change) -> None:
        self.positions.setdefault(change.session, set()).add(change.position)
        self.memories.add(change.memory)
        self.changes += 1
        self.weight += 1 + change.bytes // _BYTES
        self.oldest = min(self.oldest, change.at)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the log: everything below `position` is settled; `snapshot` shows which transactions were seen."""

    position: int
    snapshot: str | None


@dataclass(eq=False, slots=True)
class _Read:
    """A read of the log: what was there, its work that is not done yet, and who waits for all of it."""

    moment: Moment
    works: set[Work]
    waiting: list[asyncio.Future[None]]


class Waiter:
    """Someone who waits for what was written before; user: whose changes, None for all."""

    def __init__(self, user: str | None) -> None:
        self.user = user
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Backlog:
    """What is to be applied. `applied`: the moment up to which everything is."""

    def __init__(self, applied: Moment) -> None:
        self.applied = applied
        self._next: dict[str, Work] = {}
        self._begun: dict[str, Work] = {}
        self._reads: deque[_Read] = deque()

    @property
    def changes(self) -> int:
        """The number of changes that are not applied."""
        return sum(work.changes for work in self._works())

    @property
    def oldest(self) -> float | None:
        """When the oldest change that is not applied was made, in seconds since 1970."""
        return min((work.oldest for work in self._works()), default=None)

    def _works(self) -> Iterable[Work]:
        return (*self._begun.values(), *self._next.values())

    def add(self, changes: Iterable[Change]) -> None:
        """Add changes that were read, a page of a read or one user's."""
        for change in changes:
            work = self._next.get(change.user)
            if work is None:
                self._next[change.user] = work = Work(change.user)
            work.add(change)

    def end_read(self, moment: Moment, waiters: Sequence[Waiter]) -> None:
        """Note that all pages of a read of this moment were added; the waiters came before it."""
        read = _Read(moment, {*self._begun.values(), *self._next.values()}, [])
        for waiter in waiters:
            if waiter.user is None:
                read.waiting.append(waiter.done)
            else:
                self.wait(waiter)
        self._reads.append(read)
        self._advance()

    def wait(self, waiter: Waiter) -> None:
        """Let someone wait for the changes of their user that were added."""
        assert waiter.user is not None
        if work := self._next.get(waiter.user) or self._begun.get(waiter.user):
            work.waiting.append(waiter.done)
        else:
            _end(waiter.done)

    def take(self) -> list[Work]:
        """Return what to apply next, whatever was begun: the users whose changes weigh least, some of them together.

        A user with more than are applied together is taken alone, and while nothing else was begun. Of a user
        whose work was begun nothing is taken: older content would replace newer.
        """
        taken: list[Work] = []
        size = 0
        for work in sorted(self._next.values(), key=lambda work: work.weight):
            if work.user in self._begun:
                continue
            if size + work.weight > _TOGETHER and (taken or self._begun):
                break
            taken.append(work)
            size += work.weight
        for work in taken:
            self._begun[work.user] = self._next.pop(work.user)
        return taken

    def finish(self, works: Iterable[Work]) -> None:
        """Note that works are applied."""
        for work in works:
            del self._begun[work.user]
            for read in self._reads:
                read.works.discard(work)
            for waiter in work.waiting:
                _end(waiter)
        self._advance()

    def put_back(self, works: Iterable[Work]) -> None:
        """Note that works could not be applied now."""
        for work in works:
            del self._begun[work.user]
            later = self._next.get(work.user)
            if later is None:
                self._next[work.user] = work
                continue
            for session, positions in work.positions.items():
                later.positions.setdefault(session, set()).update(positions)
            later.memories |= work.memories
            later.changes += work.changes
            later.weight += work.weight
            later.oldest = min(later.oldest, work.oldest)
            later.waiting += work.waiting
            for read in self._reads:
                if work in read.works:
                    read.works.discard(work)
                    read.works.add(later)

    def fail(self, error: Exception) -> None:
        """Tell all who wait that they wait in vain."""
        for waiting in (*(work.waiting for work in self._works()), *(read.waiting for read in self._reads)):
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_exception(error)
            waiting.clear()

    def _advance(self) -> None:
        while self._reads and not self._reads[0].works:
            read = self._reads.popleft()
            self.applied = read.moment
            for waiter in read.waiting:
                _end(waiter)


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
