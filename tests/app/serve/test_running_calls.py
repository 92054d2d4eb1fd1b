"""Running calls are counted, and waited for only so long."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request

from app.serve.running_calls import RunningCalls


def context(session: str | None = None) -> Any:
    """Return what the SDK gives a middleware. session: that of a message posted to an SSE session."""
    if session is None:
        return SimpleNamespace(request=None)
    query = f"session_id={session}".encode()
    return SimpleNamespace(request=Request({"type": "http", "query_string": query, "headers": []}))


async def test_a_session_is_busy_while_one_of_its_calls_runs() -> None:
    calls, free = RunningCalls(), asyncio.Event()

    async def answer(ctx: Any) -> Any:
        await free.wait()

    running = [asyncio.create_task(calls(context(session), answer)) for session in ("a", "a", None)]
    await asyncio.sleep(0)

    assert (calls.runs_in("a"), calls.runs_in("b")) == (True, False)
    free.set()
    await asyncio.gather(*running)
    assert not calls.runs_in("a")


async def test_the_end_of_the_last_call_is_waited_for() -> None:
    calls, free, ended = RunningCalls(), asyncio.Event(), []

    async def answer(ctx: Any) -> Any:
        await free.wait()
        ended.append(ctx)
        return ctx

    running = [asyncio.create_task(calls(context(), answer)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(calls.finish(10))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    await waiting

    assert sorted(map(id, ended)) == sorted(map(id, await asyncio.gather(*running)))


async def test_a_call_that_does_not_end_is_waited_for_no_longer_than_the_limit() -> None:
    calls = RunningCalls()

    async def never(ctx: Any) -> Any:
        await asyncio.Event().wait()

    running = asyncio.create_task(calls(context(), never))
    await asyncio.sleep(0)
    began = time.monotonic()
    await calls.finish(0.01)

    assert 0.01 <= time.monotonic() - began < 5
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_without_a_call_there_is_nothing_to_wait_for() -> None:
    async with asyncio.timeout(1):
        await RunningCalls().finish(100)
