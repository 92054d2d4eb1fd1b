"""Lets calls wait their turn for a connection, in turn over users: no user's calls keep another's waiting for long.

Many more calls than connections may come at once, and none fails. A user's calls come one after another; of several
users who wait, each gets a turn before one gets a second. The last free turn is for those who have none, so a user
with one call never waits for another with many.

A pool's own wait cannot be ended from outside. Here an outage ends all waits at once, so that a wait may be long while
the server works, and calls still fail soon when it does not.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import suppress


class Turns:
    """As many turns at a time as there are connections, or whatever else calls share; most: of them for one user.

    No waiting user may have a turn: a call that may have one takes it without a look at the queue.
    """

    def __init__(self, size: int, most: int | None = None) -> None:
        self._free, self._most = size, size if most is None else most
        self._held: dict[str, int] = {}  # by users who have turns
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # the first user is next

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def waiting(self, user: str) -> int:
        """Return how many of a user's calls wait."""
        return len(self._waiting.get(user, ()))

    async def take(self, user: str, timeout_s: float) -> None:
        """Wait for a turn, which ends with `give_back`. Raises TimeoutError, or what `fail` was given."""
        if self._may_have_one(user):
            self._give(user)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, deque()).append(turn)
        try:
            async with asyncio.timeout(timeout_s):
                await turn
        except BaseException:
            self._forget(user, turn)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back(user)  # it came at the same moment
            raise

    def give_back(self, user: str) -> None:
        """End a turn, and let those who wait have it."""
        self._free += 1
        self._held[user] -= 1
        if not self._held[user]:
            del self._held[user]
        while self._free and (next_user := next(filter(self._may_have_one, self._waiting), None)) is not None:
            waiting = self._waiting[next_user]
            turn = waiting.popleft()
            if waiting:
                self._waiting.move_to_end(next_user)
            else:
                del self._waiting[next_user]
            if not turn.done():
                self._give(next_user)
                turn.set_result(None)

    def fail(self, error: Exception) -> None:
        """Raise an error in all calls that wait."""
        waiting, self._waiting = self._waiting, OrderedDict()
        for turns in waiting.values():
            for turn in turns:
                if not turn.done():
                    turn.set_exception(error)

    def _may_have_one(self, user: str) -> bool:
        held = self._held.get(user, 0)
        return held < self._most and (self._free > 1 or (self._free == 1 and not held))

    def _give(self, user: str) -> None:
        self._free -= 1
        self._held[user] = self._held.get(user, 0) + 1

    def _forget(self, user: str, turn: asyncio.Future[None]) -> None:
        """Take a call out of the queue, if it is still there."""
        with suppress(KeyError, ValueError):
            self._waiting[user].remove(turn)
            if not self._waiting[user]:
                del self._waiting[user]
