"""Runs what takes long in threads of its own, so that the event loop answers other callers meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from app.errors import Unavailable
from app.fair_loop import working_for
from app.turns import Turns

T = TypeVar("T")

LONG_CHARACTERS = 5_000  # take 5 ms in Chinese, 30 ms when every word is new and in another script
_VALUE_CHARACTERS = 20  # a value takes as long to check as so many characters
_THREADS = 1  # more would do no more at a time, and take Python's lock from the loop more often
TURN_TIMEOUT_S = 60.0  # the largest text takes a second

_turns = Turns(_THREADS)


async def run_off_loop_if_long(characters: int, work: Callable[[], T]) -> T:
    """Do some work, in a thread if its texts are long; in turn over users. Raises Unavailable when no turn comes."""
    if characters < LONG_CHARACTERS:
        return work()
    user = working_for()
    try:
        await _turns.take(user, TURN_TIMEOUT_S)
    except TimeoutError:
        raise Unavailable(f"other long texts took {TURN_TIMEOUT_S:g} s; nothing was done, try again") from None
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), work)
    finally:
        _turns.give_back(user)


def characters_of(value: Any) -> int:
    """Return how many characters a JSON value has, and as many as they cost for its other parts.

    It stops counting at LONG_CHARACTERS.
    """
    counted = 0
    pending = [value]
    while pending and counted < LONG_CHARACTERS:
        item = pending.pop()
        if isinstance(item, str):
            counted += len(item)
        elif isinstance(item, list | dict):
            counted += _VALUE_CHARACTERS * len(item)
            if counted < LONG_CHARACTERS:
                pending += item
                pending += item.values() if isinstance(item, dict) else ()
    return counted


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="texts")
