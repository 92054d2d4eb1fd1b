"""What is long in any part of it runs in a thread, and the loop runs meanwhile."""

from __future__ import annotations

import asyncio
import threading
from contextvars import Context
from typing import Any

import pytest

from app.fair_loop import work_for_user
from app.memory.off_loop import LONG_CHARACTERS, characters_of, run_off_loop_if_long


@pytest.mark.parametrize("size", [LONG_CHARACTERS - 1, LONG_CHARACTERS])
async def test_long_work_runs_in_another_thread_and_short_work_here(size: int) -> None:
    where = await run_off_loop_if_long(size, threading.current_thread)

    assert (where is threading.current_thread()) == (size < LONG_CHARACTERS)


async def test_a_user_with_many_long_texts_does_not_keep_another_waiting_for_all_of_them() -> None:
    order: list[str] = []
    may_go = threading.Event()

    async def work(user: str) -> None:
        work_for_user(user)

        def note() -> None:
            may_go.wait(10)
            order.append(user)

        await run_off_loop_if_long(LONG_CHARACTERS, note)

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work("mallory"), context=Context()) for _ in range(10)]
    await asyncio.sleep(0.01)
    tasks.append(loop.create_task(work("ada"), context=Context()))
    await asyncio.sleep(0.01)
    may_go.set()
    await asyncio.gather(*tasks)

    assert order.index("ada") <= 2


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 5_000, id="one text"),
        pytest.param([{"role": "x" * 200, "name": "x" * 200, "id": "x" * 200, "content": "x"}] * 10, id="names"),
        pytest.param([[]] * 300, id="empty lists"),
        pytest.param({"x" * 1_000 + str(number): 1 for number in range(5)}, id="keys"),
        pytest.param({"a": {"b": ["x" * 2_600, "x" * 2_600]}}, id="deep in it"),
    ],
)
def test_everything_in_a_value_counts(value: Any) -> None:
    assert characters_of(value) >= LONG_CHARACTERS
    assert characters_of({"text": "short", "tags": ["a", "b"], "limit": 5}) < LONG_CHARACTERS


def test_counting_ends_as_soon_as_there_is_enough() -> None:
    class Endless(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("read although it has enough")

    assert characters_of(Endless([0] * 1_000_000)) >= LONG_CHARACTERS
