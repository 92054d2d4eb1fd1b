"""Prepares texts and has them stored; long ones one at a time, in turn over users, and beside the event loop.

A large text is prepared in a process of its own, and so is a long one while that process runs; it is worth a thread
otherwise. Two preparations at a time would take the processors from calls with short texts. A large text keeps its turn
until it is stored: a few at a time would take all connections to PostgreSQL for seconds, and what is prepared and waits
takes several times the memory of what was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from app.errors import Unavailable
from app.memory.off_loop import LONG_CHARACTERS
from app.turns import Turns

if TYPE_CHECKING:
    from app.memory.preparing_process import PreparingProcess

logger = logging.getLogger(__name__)

T = TypeVar("T")
S = TypeVar("S")

LARGE_CHARACTERS = 50_000  # take PostgreSQL some hundredths of a second to store
WAITING = 10  # long texts of a user; each holds what was sent, and what it was parsed to, until its turn
TURN_TIMEOUT_S = 60.0  # the largest request takes a few seconds, and clients wait about this long


class Preparing:
    """Those of one server. What prepares is a function of a module with its arguments, so that a process can run it."""

    def __init__(self, process: PreparingProcess | None = None) -> None:
        """process: made for the first large text, by default."""
        self._turns = Turns(1)
        self._process = process

    async def run(self, user: str, characters: int, prepare: Callable[[], T]) -> T:
        """Return what a preparation returns. Raises Unavailable when its turn does not come, or too many wait."""
        if characters < LONG_CHARACTERS:
            return prepare()
        async with self._aside(user, characters, prepare) as prepared:
            return prepared

    async def store(
        self, user: str, characters: int, prepare: Callable[[], T], store: Callable[[T], Awaitable[S]]
    ) -> S:
        """Prepare, and store what that returns; return what storing returns. Raises Unavailable as `run` does."""
        if characters < LARGE_CHARACTERS:
            return await store(await self.run(user, characters, prepare))
        async with self._aside(user, characters, prepare) as prepared:
            return await store(prepared)

    async def close(self) -> None:
        """End the process; idempotent."""
        if self._process is not None:
            await self._process.close()

    @asynccontextmanager
    async def _aside(self, user: str, characters: int, prepare: Callable[[], T]) -> AsyncIterator[T]:
        """Prepare beside the event loop. It goes on without its caller, and has its turn until it ends."""
        await _turn_of(self._turns, user)
        running = asyncio.ensure_future(self._prepared(characters, prepare))
        try:
            yield await asyncio.shield(running)
        finally:
            if running.done():
                self._turns.give_back(user)
            else:
                running.add_done_callback(partial(self._end, user))

    async def _prepared(self, characters: int, prepare: Callable[[], T]) -> T:
        if characters >= LARGE_CHARACTERS or (self._process is not None and self._process.runs):
            from app.memory.preparing_process import NotStarted, PreparingProcess

            self._process = self._process or PreparingProcess()
            try:
                return await self._process.run(prepare)
            except NotStarted as error:
                logger.warning("no process for long texts (%s): a thread of the server prepares this one", error)
        return await asyncio.to_thread(prepare)

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
