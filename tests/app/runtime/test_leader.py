"""Who leads works, and only as long as it leads."""

from __future__ import annotations

import asyncio

import pytest

from app.runtime.leader import while_leading
from app.store.heartbeat import AlwaysHeld, SessionLock
from tests.support.waiting import until


async def lives() -> bool:
    return True


def a_lock() -> SessionLock:
    return SessionLock(1, lives)


class Work:
    def __init__(self) -> None:
        self.begun = self.cut_short = 0

    async def __call__(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.cut_short += 1


async def test_work_begins_with_the_lock_and_is_cut_short_without_it() -> None:
    lock, work = a_lock(), Work()
    leading = asyncio.create_task(while_leading(lock, work))
    await asyncio.sleep(0)
    assert work.begun == 0

    for time in (1, 2):
        lock.note(held=True)
        await until(lambda time=time: work.begun == time, "the work begins")
        lock.note(held=False)
        await until(lambda time=time: work.cut_short == time, "the work is cut short")

    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading


async def test_it_ends_also_when_it_is_told_so_while_the_work_is_cut_short() -> None:
    lock, cut, may_end = a_lock(), asyncio.Event(), asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
            await may_end.wait()

    lock.note(held=True)
    leading = asyncio.create_task(while_leading(lock, slow_to_end))
    await asyncio.sleep(0)
    lock.note(held=False)
    await cut.wait()

    leading.cancel()
    may_end.set()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await leading


async def test_the_only_process_of_a_database_always_leads() -> None:
    work = Work()
    leading = asyncio.create_task(while_leading(AlwaysHeld(), work))
    await until(lambda: work.begun == 1, "the work begins")

    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    assert work.cut_short == 1


async def test_an_error_of_the_work_is_not_kept_quiet() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await while_leading(AlwaysHeld(), broken)
