"""Reads the change log into the backlog, page by page, so that a transaction of any size takes bounded memory.

A read counts as done with its last page: until then the position does not move, and who came before it waits. While
the backlog has no room for the next page, those who wait are read for alone: their own user's changes since the last
read. So a search waits neither for another user's large transaction nor misses a write of its own user.
"""

from __future__ import annotations

from app.index.backlog import Backlog, Moment, Waiter
from app.memory.change_log import Batch, ChangeLog

_BACKLOG_LIMIT = 200_000  # changes: with so many, the log is not read further before they are applied
_ALONE_LIMIT = 500  # changes of one user that are read besides; with more, the user waits for the read


class LogReader:
    """Follows the log from a moment on. `backlog`: what was read and is not applied yet."""

    def __init__(self, log: ChangeLog, moment: Moment) -> None:
        self._log = log
        self.backlog = Backlog(moment)
        self._read_up_to = moment  # without a snapshot until the first read after a start
        self._page: Batch | None = None  # the last page of a read that has more of them
        self._before: list[Waiter] = []  # who came before that read
        self._waiting: list[Waiter] = []  # who waits for the next one
        self._alone: dict[str, str] = {}  # what a user was read for alone since the last read, as a snapshot
        self._newest = 0  # above every transaction read: a position from there on has nothing to read again

    @property
    def anyone_waits(self) -> bool:
        """Whether someone waits for a read that has not begun."""
        return bool(self._waiting)

    @property
    def has_work(self) -> bool:
        """Whether there are changes to apply, or more pages to read."""
        return self._page is not None or bool(self.backlog.changes)

    def wait(self, user: str | None) -> Waiter:
        """Return a new waiter for everything committed up to now, of a user or of all."""
        waiter = Waiter(user)
        self._waiting.append(waiter)
        return waiter

    def begin_at(self, moment: Moment, error: Exception) -> None:
        """Follow the log from a moment on, and fail those who wait; nothing is applied of what came after it."""
        self.fail(error)
        self._read_up_to, self._page, self.backlog = moment, None, Backlog(moment)
        self._alone.clear()

    def fail(self, error: Exception) -> None:
        """Tell all who wait that they wait in vain."""
        waiting, self._waiting, self._before = [*self._before, *self._waiting], [], []
        for waiter in waiting:
            if not waiter.done.done():
                waiter.done.set_exception(error)
        self.backlog.fail(error)

    async def read_if_due(self) -> bool:
        """Read on, or read the log if someone waits for that or there is nothing to apply.

        Return whether the index is complete up to a later moment now, though nothing was applied. Raises LogPruned and
        StoreUnavailable; after that the next call reads the page again.
        """
        while self.backlog.changes < _BACKLOG_LIMIT and (self._page or self._waiting or not self.backlog.changes):
            await self._read_page()
            if self._page is None:
                return self._end()
        await self._read_alone()
        return False

    async def _read_page(self) -> None:
        if self._page is not None:
            page = await self._log.read_on(self._page)
        else:
            self._before, self._waiting = [*self._before, *self._waiting], []
            page = await self._log.read(self._read_up_to.position, self._read_up_to.snapshot)
        if page.changes:
            self._newest = int(page.snapshot.split(":")[1])
        self.backlog.add(page.changes)
        self._page = None if page.last is None else page
        if self._page is None:
            self._read_up_to = Moment(page.horizon, page.snapshot)

    def _end(self) -> bool:
        """Let those go by what is left to apply who came before a read whose last page was read."""
        before = self.backlog.applied.position
        waiting, self._before = self._before, []
        self.backlog.end_read(self._read_up_to, waiting)
        self._alone.clear()
        return before < self._newest <= self.backlog.applied.position

    async def _read_alone(self) -> None:
        """Read the changes of each user who waits for a read that cannot begin now."""
        for user in sorted({waiter.user for waiter in self._waiting if waiter.user is not None}):
            mine = [waiter for waiter in self._waiting if waiter.user == user]
            seen = self._alone.get(user, self._read_up_to.snapshot)
            batch = await self._log.read_alone(user, self._read_up_to.position, seen, _ALONE_LIMIT)
            if batch.last is not None:
                continue
            self._alone[user] = batch.snapshot
            self._waiting = [waiter for waiter in self._waiting if waiter not in mine]
            self.backlog.add(batch.changes)
            for waiter in mine:
                self.backlog.wait(waiter)
