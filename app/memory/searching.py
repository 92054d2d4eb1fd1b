"""Lets searches of one user wait for each other, so that however many and costly they are, others go on between them.

All searches share the event loop, and their texts share the memory. With forty costly ones of a user in work, a search
of another has a fortieth of the loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import Unavailable
from app.turns import Turns

AT_ONCE, OF_A_USER = 64, 4  # searches in work; a client asks few questions at a time
TURN_TIMEOUT_S = 30.0


class Searching:
    """The searches of one server."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE, OF_A_USER)

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Have a turn while the block lasts. Raises Unavailable when it does not come."""
        try:
            await self._turns.take(user, TURN_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable(
                f"other searches of this user took {TURN_TIMEOUT_S:g} s; ask fewer questions at a time"
            ) from None
        try:
            yield
        finally:
            self._turns.give_back(user)
