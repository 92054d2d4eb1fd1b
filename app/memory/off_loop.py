"""Runs what takes long in threads of its own, so that the event loop answers other callers meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

LONG_CHARACTERS = 5_000  # take 5 ms in Chinese, 30 ms when every word is new and in another script
_VALUE_CHARACTERS = 20  # a value takes as long to check as so many characters
_THREADS = 1  # more would do no more at a time, and take Python's lock from the loop more often


async def run_off_loop_if_long(characters: int, work: Callable[[], T]) -> T:
    """Do some work, in a thread if its texts are long."""
    if characters < LONG_CHARACTERS:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_threads(), work)


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
