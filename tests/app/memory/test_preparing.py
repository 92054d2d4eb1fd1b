"""Preparing long texts: one at a time and in turn over users, whatever becomes of their callers."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from app.errors import Unavailable
from app.memory import preparing
from app.memory.off_loop import LONG_CHARACTERS
from app.memory.preparing import LARGE_CHARACTERS, Preparing
from tests.support.waiting import until


async def test_a_short_text_waits_for_no_long_one() -> None:
    texts, over = Preparing(), threading.Event()
    long = asyncio.create_task(texts.run("ann", LONG_CHARACTERS, over.wait))
    await asyncio.sleep(0)

    assert await texts.run("ann", 10, lambda: "done") == "done"
    over.set()
    assert await long


async def test_long_texts_come_one_at_a_time_and_in_turn_over_users() -> None:
    texts, running, order = Preparing(), [], []

    def prepare(name: str) -> None:
        running.append(name)
        order.append(name)
        assert running == [name]
        running.remove(name)

    calls = [("ann", f"ann {number}") for number in range(4)] + [("bob", "bob 0")]
    await asyncio.gather(*(texts.run(user, LONG_CHARACTERS, partial(prepare, name)) for user, name in calls))

    assert order.index("bob 0") <= 2
    assert [name for name in order if name != "bob 0"] == [f"ann {number}" for number in range(4)]


async def test_a_caller_who_leaves_does_not_start_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, begun, over = Preparing(), [], threading.Event()

    def prepare() -> None:
        begun.append(1)
        over.wait()
        raise RuntimeError("no one asks any more")

    for _ in range(5):
        call = asyncio.create_task(texts.run("ann", LONG_CHARACTERS, prepare))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await until(lambda: begun == [1], "the first preparation")
    monkeypatch.setattr(preparing, "TURN_TIMEOUT_S", 0.01)
    with pytest.raises(Unavailable, match="busy with other long texts"):
        await texts.run("ann", LONG_CHARACTERS, prepare)

    over.set()
    monkeypatch.setattr(preparing, "TURN_TIMEOUT_S", 10)
    assert await texts.run("ann", LONG_CHARACTERS, lambda: "done") == "done"
    assert begun == [1]


async def test_an_error_reaches_the_caller_and_ends_the_turn() -> None:
    texts = Preparing()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await texts.run("ann", LONG_CHARACTERS, lambda: 1 // 0)


async def test_large_writes_come_one_at_a_time_and_small_ones_beside_them() -> None:
    texts, inside = Preparing(), list[str]()
    go_on = asyncio.Event()

    async def write(user: str, characters: int) -> None:
        async with texts.storing(user, characters):
            inside.append(user)
            await go_on.wait()
            inside.remove(user)

    large = [asyncio.create_task(write(user, LARGE_CHARACTERS)) for user in ("ann", "bob", "cleo")]
    small = [asyncio.create_task(write(user, LARGE_CHARACTERS - 1)) for user in ("dora", "emil")]
    await asyncio.sleep(0.01)

    assert inside == ["ann", "dora", "emil"]
    go_on.set()
    await asyncio.gather(*large, *small)
    assert inside == []


async def test_a_large_write_that_fails_lets_the_next_one_in() -> None:
    texts = Preparing()

    with pytest.raises(RuntimeError):
        async with texts.storing("ann", LARGE_CHARACTERS):
            raise RuntimeError
    async with asyncio.timeout(5), texts.storing("bob", LARGE_CHARACTERS):
        pass


async def test_a_large_write_whose_turn_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "TURN_TIMEOUT_S", 0.01)
    texts = Preparing()

    async with texts.storing("ann", LARGE_CHARACTERS):
        with pytest.raises(Unavailable, match="busy with other long texts"):
            async with texts.storing("bob", LARGE_CHARACTERS):
                pass
