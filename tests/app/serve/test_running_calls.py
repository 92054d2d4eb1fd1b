"""Running calls are counted, and waited for only so long."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from app.serve.running_calls import RunningCalls


async def test_the_end_of_the_last_call_is_waited_for() -> None:
    calls, free, ended = RunningCalls(), asyncio.Event(), []

    async def answer(ctx: Any) -> Any:
        await free.wait()
        ended.append(ctx)
        return ctx

    running = [asyncio.create_task(calls(number, answer)) for number in (1, 2)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(calls.finish(10))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    await waiting

    assert sorted(ended) == [1, 2]
    assert await asyncio.gather(*running) == [1, 2]


async def test_a_call_that_does_not_end_is_waited_for_no_longer_than_the_limit() -> None:
    calls = RunningCalls()

    async def never(ctx: Any) -> Any:
        await asyncio.Event().wait()

    running = asyncio.create_task(calls(1, never))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    began = time.monotonic()
    await calls.finish(0.01)

    assert 0.01 <= time.monotonic() - began < 5
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_without_a_call_there_is_nothing_to_wait_for() -> None:
    async with asyncio.timeout(1):
        await RunningCalls().finish(100)
