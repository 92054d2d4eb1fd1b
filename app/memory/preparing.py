"""Prepares texts and has them stored; long ones one at a time, in turn over users, and prepared in a thread.

Two preparations at a time would take as long, because both need the interpreter, and calls on the event loop would wait
longer. A large text keeps its turn until it is stored: a few at a time would take all connections to PostgreSQL for
seconds, and what is prepared and waits takes ten times the memory of what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from app.errors import Unavailable
from app.memory.off_loop import LONG_CHARACTERS
from app.turns import Turns

T = TypeVar("T")
S = TypeVar("S")

LARGE_CHARACTERS = 50_000  # take PostgreSQL some hundredths of a second to store
WAITING = 10  # long texts of a user; each holds what was sent, and what it was parsed to, until its turn
TURN_TIMEOUT_S = 60.0  # the largest request takes a few seconds, and clients wait about this long


class Preparing:
    """Those of one server."""

    def __init__(self) -> None:
        self._turns = Turns(1)

    async def run(self, user: str, characters: int, prepare: Callable[[], T]) -> T:
        """Return what a preparation returns. Raises Unavailable when its turn does not come, or too many wait."""
        if characters < LONG_CHARACTERS:
            return prepare()
        async with self._in_thread(user, prepare) as prepared:
            return prepared

    async def store(
        self, user: str, characters: int, prepare: Callable[[], T], store: Callable[[T], Awaitable[S]]
    ) -> S:
        """Prepare, and store what that returns; return what storing returns. Raises Unavailable as `run` does."""
        if characters < LARGE_CHARACTERS:
            return await store(await self.run(user, characters, prepare))
        async with self._in_thread(user, prepare) as prepared:
            return await store(prepared)

    @asynccontextmanager
    async def _in_thread(self, user: str, prepare: Callable[[], T]) -> AsyncIterator[T]:
        """Prepare in a thread. It goes on without its caller, and has its turn until it ends."""
        await _turn_of(self._turns, user)
        running = asyncio.ensure_future(asyncio.to_thread(prepare))
        try:
            yield await asyncio.shield(running)
        finally:
            if running.done():
                self._turns.give_back(user)
            else:
                running.add_done_callback(partial(self._end, user))

    def _end(self, user: str, left: asyncio.Future[object]) -> None:
        self._turns.give_back(user)
        if not left.cancelled():
            left.exception()  # a caller who left does not ask


async def _turn_of(turns: Turns, user: str) -> None:
    if turns.waiting(user) >= WAITING:
        raise Unavailable(f"{WAITING} long texts of this user wait already; nothing was done, send fewer at a time")
    try:
        await turns.take(user, TURN_TIMEOUT_S)
    except TimeoutError:
        message = f"the server was busy with other long texts for {TURN_TIMEOUT_S:g} s; nothing was done, try again"
        raise Unavailable(message) from None
