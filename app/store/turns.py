"""Lets calls wait their turn for a connection: many more calls than connections may come at once, and none fails.

A pool's own wait cannot be ended from outside. Here an outage ends all waits at once, so that a wait may be long while
the server works, and calls still fail soon when it does not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress


class Turns:
    """As many turns at a time as there are connections; the others wait, first come first served."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    async def take(self, timeout_s: float) -> None:
        """Wait for a turn. Raises TimeoutError, or what `fail` was given."""
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(timeout_s):
                await turn
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(turn)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()  # it came at the same moment
            raise

    def give_back(self) -> None:
        """End a turn, and let the next caller have it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def fail(self, error: Exception) -> None:
        """Raise an error in all calls that wait."""
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            if not turn.done():
                turn.set_exception(error)
