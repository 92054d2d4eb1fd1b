"""Answers questions that come at the same time by one query, so that very many take no more turns than a few."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

_AT_ONCE = 1_000  # keys in a query


class Together:
    """Asks which of some keys there are. While one query runs, those who come wait for the next."""

    def __init__(self, there_are: Callable[[list[bytes]], Awaitable[Collection[bytes]]]) -> None:
        """there_are: returns those of the keys that there are."""
        self._there_are = there_are
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, key: bytes) -> bool:
        """Return whether there is a key. Raises what the query raises."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all(), name="questions asked together")
        return await asyncio.shield(answer)  # others may wait for it, too

    async def _ask_all(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:_AT_ONCE]
            asked = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await self._there_are(keys)
            except BaseException as error:
                _fail(asked.values(), error)
                if not isinstance(error, Exception):  # it is ended: nobody asks for those who came meanwhile, either
                    _fail(self._waiting.values(), error)
                    self._waiting.clear()
                    raise
            else:
                for key, answer in asked.items():
                    answer.set_result(key in found)


def _fail(answers: Iterable[asyncio.Future[bool]], error: BaseException) -> None:
    for answer in answers:
        answer.set_exception(error)
        answer.exception()  # one who left does not ask
