"""What is long in any part of it runs in a thread, and the loop runs meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from app.memory.off_loop import LONG_CHARACTERS, characters_of, run_off_loop_if_long


@pytest.mark.parametrize("size", [LONG_CHARACTERS - 1, LONG_CHARACTERS])
async def test_long_work_runs_in_another_thread_and_short_work_here(size: int) -> None:
    where = await run_off_loop_if_long(size, threading.current_thread)

    assert (where is threading.current_thread()) == (size < LONG_CHARACTERS)


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
