"""Preparing long texts: one at a time and in turn over users, whatever becomes of their callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from app.errors import Unavailable
from app.memory import preparing
from app.memory.off_loop import LONG_CHARACTERS
from app.memory.preparing import LARGE_CHARACTERS, WAITING
from app.memory.preparing_process import NotStarted, PreparingProcess
from tests.support.waiting import until

T = TypeVar("T")


class Thread(PreparingProcess):
    """A thread in its place: what is prepared here is seen, and it waits for what happens here."""

    def __init__(self, *, runs: bool = False, starts: bool = True) -> None:
        super().__init__()
        self.running, self.starts, self.calls = runs, starts, 0

    @property
    def runs(self) -> bool:
        return self.running

    async def run(self, call: Callable[[], T]) -> T:
        if not self.starts:
            raise NotStarted("no processes left")
        self.calls += 1
        return await asyncio.to_thread(call)


def Preparing(process: PreparingProcess | None = None) -> preparing.Preparing:
    return preparing.Preparing(process or Thread())


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


async def test_large_texts_are_prepared_and_stored_one_at_a_time_and_small_ones_beside_them() -> None:
    texts, inside = Preparing(), list[str]()
    go_on = asyncio.Event()

    async def store(user: str) -> None:
        inside.append(user)
        await go_on.wait()
        inside.remove(user)

    def write(user: str, characters: int) -> asyncio.Task[None]:
        return asyncio.create_task(texts.store(user, characters, lambda: user, store))

    large = [write(user, LARGE_CHARACTERS) for user in ("ann", "bob", "cleo")]
    small = [write(user, LONG_CHARACTERS - 1) for user in ("dora", "emil")]
    await until(lambda: len(inside) == 3, "one large text is being stored, and the small ones")

    assert sorted(inside) == ["ann", "dora", "emil"]
    go_on.set()
    await asyncio.gather(*large, *small)
    assert inside == []


async def test_a_long_text_that_is_not_large_ends_its_turn_when_it_is_prepared() -> None:
    texts, go_on = Preparing(), asyncio.Event()
    waits = asyncio.create_task(texts.store("ann", LARGE_CHARACTERS - 1, lambda: 1, lambda one: go_on.wait()))

    assert await texts.run("bob", LONG_CHARACTERS, lambda: "done") == "done"
    go_on.set()
    assert await waits


async def test_a_large_text_that_is_not_stored_lets_the_next_one_in() -> None:
    texts = Preparing()

    async def fail(one: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await texts.store("ann", LARGE_CHARACTERS, lambda: 1, fail)
    async with asyncio.timeout(5):
        assert await texts.run("bob", LONG_CHARACTERS, lambda: "done") == "done"


async def test_a_large_text_whose_turn_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, over = Preparing(), threading.Event()
    first = asyncio.create_task(texts.run("ann", LONG_CHARACTERS, over.wait))
    await asyncio.sleep(0)
    monkeypatch.setattr(preparing, "TURN_TIMEOUT_S", 0.01)

    with pytest.raises(Unavailable, match="busy with other long texts"):
        await texts.store("bob", LARGE_CHARACTERS, lambda: 1, lambda one: asyncio.sleep(0))

    over.set()
    assert await first


async def test_a_user_has_only_so_many_long_texts_waiting() -> None:
    texts, over = Preparing(), threading.Event()
    calls = [asyncio.create_task(texts.run("ann", LONG_CHARACTERS, over.wait)) for _ in range(1 + WAITING)]
    other = asyncio.create_task(texts.run("bob", LONG_CHARACTERS, over.wait))
    await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="10 long texts of this user wait already"):
        await texts.run("ann", LONG_CHARACTERS, over.wait)

    over.set()
    assert all(await asyncio.gather(*calls, other))


@pytest.mark.parametrize(
    ("characters", "runs", "calls"),
    [
        pytest.param(LARGE_CHARACTERS, False, 1, id="a large text starts it"),
        pytest.param(LARGE_CHARACTERS - 1, False, 0, id="a long one does not"),
        pytest.param(LARGE_CHARACTERS - 1, True, 1, id="a long one goes there while it runs"),
        pytest.param(LONG_CHARACTERS - 1, True, 0, id="a short one never does"),
    ],
)
async def test_what_the_process_prepares(characters: int, runs: bool, calls: int) -> None:
    process = Thread(runs=runs)

    assert await Preparing(process).run("ann", characters, lambda: "done") == "done"
    assert process.calls == calls


async def test_where_no_process_starts_a_thread_prepares_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await Preparing(Thread(starts=False)).run("ann", LARGE_CHARACTERS, lambda: "done") == "done"

    assert "no process for long texts (no processes left): a thread of the server prepares this one" in caplog.text
