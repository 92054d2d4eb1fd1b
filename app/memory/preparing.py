"""Prepares texts and lets them be stored; long ones one at a time, in turn over users, and prepared in a thread.

Two preparations at a time would take as long, because both need the interpreter, and calls on the event loop would wait
longer. Storing the largest request takes PostgreSQL seconds: a few at a time would take all connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from app.errors import Unavailable
from app.memory.off_loop import LONG_CHARACTERS
from app.turns import Turns

T = TypeVar("T")

LARGE_CHARACTERS = 50_000  # take PostgreSQL some tenths of a second to store
TURN_TIMEOUT_S = 60.0  # the largest request takes a few seconds, and clients wait about this long


class Preparing:
    """Those of one server."""

    def __init__(self) -> None:
        self._turns, self._writes = Turns(1), Turns(1)

    @asynccontextmanager
    async def storing(self, user: str, characters: int) -> AsyncIterator[None]:
        """Let a large write have its turn. Raises Unavailable when it does not come."""
        if characters < LARGE_CHARACTERS:
            yield
            return
        await _turn_of(self._writes, user)
        try:
            yield
        finally:
            self._writes.give_back(user)

    async def run(self, user: str, characters: int, prepare: Callable[[], T]) -> T:
        """Return what a preparation returns. Raises Unavailable when its turn does not come."""
        if characters < LONG_CHARACTERS:
            return prepare()
        await _turn_of(self._turns, user)
        running = asyncio.ensure_future(asyncio.to_thread(prepare))

        def end(done: asyncio.Future[T]) -> None:
            self._turns.give_back(user)
            if not done.cancelled():
                done.exception()  # a caller who left does not ask

        running.add_done_callback(end)
        return await asyncio.shield(running)  # a thread goes on without its caller, and has its turn until it ends


async def _turn_of(turns: Turns, user: str) -> None:
    try:
        await turns.take(user, TURN_TIMEOUT_S)
    except TimeoutError:
        message = f"the server was busy with other long texts for {TURN_TIMEOUT_S:g} s; nothing was done, try again"
        raise Unavailable(message) from None
