"""Honest users for the soak: each calls tools through a door of its own, with pauses; what every call took is noted."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.client import LEGACY_INITIALIZE, CallFailed, Era, Session
from benchmarks.memory import SseSession
from benchmarks.servers import STOP_LIMIT_S, environment
from benchmarks.texts import Texts, project

CALL_LIMIT_S = 30.0
PAUSE_S = 0.3  # the mean; a user stays below the server's limit of requests
RECONNECT_EVERY = 25  # calls of a user over /mcp: whoever comes anew has to get in, too
_MIX = {
    "memorize": 4,
    "search_memory": 4,
    "recall_context": 1,
    "memorize_conversation": 1,
    "search_across_projects": 1,
    "memory_stats": 1,
}

Call = Callable[[str, dict[str, Any]], Awaitable[object]]
Door = Callable[["Server", str], contextlib.AbstractAsyncContextManager[Call]]


@dataclass(slots=True)
class Tally:
    """Milliseconds of the calls of each door, and what failed."""

    took_ms: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def all_ms(self) -> list[float]:
        """The calls of all doors."""
        return list(itertools.chain.from_iterable(self.took_ms.values()))


@dataclass(frozen=True, slots=True)
class Server:
    """Where honest users call. tokens: of users of /mcp, of /sse, in turn."""

    port: int
    data: Path
    tokens: tuple[str, ...]


@asynccontextmanager
async def over_mcp(server: Server, token: str) -> AsyncIterator[Call]:
    """Open a keep-alive connection to /mcp."""
    session = await Session.open(server.port, Era.LEGACY, token)
    try:
        yield session.call
    finally:
        session.close()


@asynccontextmanager
async def over_sse(server: Server, token: str) -> AsyncIterator[Call]:
    """Open a stream."""
    session = await SseSession.open(server.port, token)
    try:
        yield session.call
    finally:
        session.close()


@asynccontextmanager
async def over_stdio(server: Server, token: str) -> AsyncIterator[Call]:
    """Start a bridge, which joins the server on its Unix socket."""
    command = [sys.executable, "-m", "app", "stdio", "--data-dir", str(server.data)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=server.data.parent, env=environment(), limit=2**24
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reading, writing = process.stdout, process.stdin
    ids = itertools.count(1)

    async def ask(method: str, params: dict[str, Any]) -> None:
        writing.write(json.dumps({"jsonrpc": "2.0", "id": next(ids), "method": method, "params": params}).encode())
        writing.write(b"\n")
        result = json.loads(await reading.readline() or b"{}").get("result")
        if not isinstance(result, dict) or result.get("isError"):
            raise CallFailed(f"over stdio: {method} got {json.dumps(result)[:300]}")

    async def call(tool: str, arguments: dict[str, Any]) -> None:
        await ask("tools/call", {"name": tool, "arguments": arguments})

    try:
        await ask("initialize", LEGACY_INITIALIZE)
        yield call
    finally:
        writing.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def use(server: Server, seconds: float, seed: int) -> Tally:
    """Let all users call for some seconds; return what their calls took."""
    tally = Tally()
    end = time.monotonic() + seconds
    doors: list[tuple[str, Door, str]] = [("/mcp", over_mcp, token) for token in server.tokens[:-1]]
    doors += [("/sse", over_sse, server.tokens[-1]), ("stdio", over_stdio, "")]
    users = [
        _User(name, partial(door, server, token), tally, seed * 100 + number)
        for number, (name, door, token) in enumerate(doors)
    ]
    await asyncio.gather(*(user.live(end) for user in users))
    return tally


class _User:
    """One user at one door."""

    def __init__(
        self, door: str, connect: Callable[[], contextlib.AbstractAsyncContextManager[Call]], tally: Tally, seed: int
    ) -> None:
        self._door, self._connect, self._tally = door, connect, tally
        self._texts, self._random, self._seed = Texts(seed), random.Random(seed), seed
        self._numbers = itertools.count()
        self._began = 0.0  # of the call in work

    async def live(self, end: float) -> None:
        """Connect and call until the end; after a failure, connect again."""
        while time.monotonic() < end:
            self._began = time.perf_counter()
            try:
                async with asyncio.timeout(CALL_LIMIT_S) as limit, self._connect() as call:
                    if self._door == "/mcp":
                        self._note()
                    await self._call_often(call, limit, end)
            except (CallFailed, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self._note()  # what failed took its time, too
                self._tally.failures.append(f"{self._door}: {type(error).__name__}: {error}")
                await asyncio.sleep(PAUSE_S)

    async def _call_often(self, call: Call, limit: asyncio.Timeout, end: float) -> None:
        rounds = RECONNECT_EVERY if self._door == "/mcp" else sys.maxsize
        for _ in range(rounds):
            limit.reschedule(None)
            await asyncio.sleep(self._random.expovariate(1 / PAUSE_S))
            if time.monotonic() >= end:
                return
            [tool] = self._random.choices(list(_MIX), list(_MIX.values()))
            arguments = self._arguments(tool)
            limit.reschedule(asyncio.get_running_loop().time() + CALL_LIMIT_S)
            self._began = time.perf_counter()
            await call(tool, arguments)
            self._note()

    def _note(self) -> None:
        self._tally.took_ms.setdefault(self._door, []).append((time.perf_counter() - self._began) * 1_000)

    def _arguments(self, tool: str) -> dict[str, Any]:
        number = next(self._numbers)
        if tool == "memorize":
            return {"text": f"{self._texts.text()} {self._seed} {number}", "project": project(number)}
        if tool == "memorize_conversation":
            conversation = self._texts.conversation(number, turns=20)
            return {**conversation, "conversation_id": f"c{self._seed}-{number}"}
        return {} if tool == "memory_stats" else {"query": self._texts.question()}
