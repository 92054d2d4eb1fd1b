"""Several app processes on one PostgreSQL server, and clients that call any of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.serving import MCP_HEADERS, Server

_CALL_S = 60.0  # a replica that starts lets calls wait; on a busy machine that takes a while


class NoAnswer(Exception):
    """The connection ended before the answer, or the answer is an error."""


class Client:
    """Calls tools over a keep-alive connection to one of several ports; a refused connection goes to the next."""

    def __init__(self, ports: Callable[[], Sequence[int]]) -> None:
        self._ports = ports
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.port = 0

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return a tool's structured result. Raises NoAnswer."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        try:
            async with asyncio.timeout(_CALL_S):
                await self._connect()
                status, body = await self._exchange(json.dumps(message).encode())
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError) as error:
            await self.close()
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        if status != 200 or body.get("result", {}).get("isError", True):
            raise NoAnswer(f"HTTP {status}: {json.dumps(body)[:300]}")
        result: dict[str, Any] = body["result"]["structuredContent"]
        return result

    async def _connect(self) -> None:
        if self._reader is not None and not self._reader.at_eof():
            return
        await self.close()
        while True:
            ports = list(self._ports())
            random.shuffle(ports)
            for port in ports:
                with contextlib.suppress(ConnectionRefusedError):
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                    self.port = port
                    return
            await asyncio.sleep(0.02)

    async def _exchange(self, body: bytes) -> tuple[int, dict[str, Any]]:
        assert self._reader is not None
        assert self._writer is not None
        headers = {**MCP_HEADERS, "Host": "localhost", "Content-Length": str(len(body))}
        head = "\r\n".join(["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""])
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length:")[2].split("\r\n", 1)[0])
        content = await self._reader.readexactly(length)
        if "connection: close" in answer:
            await self.close()
        return int(answer.split(" ", 2)[1]), json.loads(content)

    async def close(self) -> None:
        """Leave; idempotent."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Replicas:
    """N app processes, each in a data directory of its own, all with the same settings."""

    def __init__(self, folder: Path, count: int, **environment: Any) -> None:
        self._folder, self._count, self._environment = folder, count, environment
        self.servers: list[Server] = []

    def ports(self) -> list[int]:
        """Return where they listen."""
        return [server.port for server in self.servers]

    async def start(self) -> None:
        """Start all of them at once, and wait until they are ready."""
        self.servers = await asyncio.gather(*(asyncio.to_thread(self._begin, n) for n in range(self._count)))
        for server in self.servers:
            await asyncio.to_thread(server.wait_ready)

    def _begin(self, number: int) -> Server:
        return Server(self._folder / f"replica-{number}", **self._environment)

    async def begin_again(self, number: int) -> None:
        """Start one that has ended; it is not waited for."""
        ended = self.servers[number]
        await asyncio.to_thread(ended.end)
        self.servers[number] = await asyncio.to_thread(self._begin, number)

    async def restart(self, number: int) -> None:
        """Stop one as a deployment does, start it again and wait until it is ready."""
        assert await asyncio.to_thread(self.servers[number].stop) == 0
        await self.begin_again(number)
        await asyncio.to_thread(self.servers[number].wait_ready)

    async def end(self) -> None:
        """End all."""
        await asyncio.gather(*(asyncio.to_thread(server.end) for server in self.servers))


@contextlib.asynccontextmanager
async def replicas(folder: Path, count: int, **environment: str) -> AsyncIterator[Replicas]:
    """Run replicas as long as the block lasts."""
    running = Replicas(folder, count, **environment)
    try:
        await running.start()
        yield running
    finally:
        await running.end()


@dataclass
class Tally:
    """What clients saw while replicas were killed."""

    acknowledged: list[str] = field(default_factory=list)
    searches: int = 0
    degraded: int = 0
    kills: int = 0
    missed: list[str] = field(default_factory=list)  # acknowledged, and not found by a search begun later
    in_flight: list[str] = field(default_factory=list)  # failed on the replica that was killed meanwhile
    unexplained: list[str] = field(default_factory=list)  # failed without such a kill
    lost: list[str] = field(default_factory=list)  # acknowledged, and not there at the end


class Chaos:
    """Writers and readers on replicas, of which one after the other is killed."""

    def __init__(self, running: Replicas, seed: int = 7) -> None:
        self._running = running
        self._choose = random.Random(seed)
        self._killed_until: dict[int, float] = {}  # when the replica at a port was dead
        self._restarting: dict[int, asyncio.Task[None]] = {}
        self._over = False
        self.tally = Tally()

    async def run(self, seconds: float, every_s: float, writers: int = 4, readers: int = 4) -> Tally:
        """Write and search for some seconds, killing a replica every so often; then look for what was lost."""
        clients = [self._repeat(self._write, number) for number in range(writers)]
        clients += [self._repeat(self._read, number) for number in range(readers)]
        calling = [asyncio.create_task(client) for client in clients]
        began = time.monotonic()
        for kill in range(1, math.ceil(seconds / every_s)):
            await asyncio.sleep(began + kill * every_s - time.monotonic())
            await self._kill_one()
        await asyncio.sleep(began + seconds - time.monotonic())
        self._over = True
        await asyncio.gather(*calling, *self._restarting.values())
        await self._look_for_all()
        return self.tally

    async def _kill_one(self) -> None:
        number = self.tally.kills % len(self._running.servers)
        if number in self._restarting:  # on a slow machine
            await self._restarting[number]
        server = self._running.servers[number]
        self._killed_until[server.port] = math.inf
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
        self._killed_until[server.port] = time.monotonic()
        self.tally.kills += 1
        self._restarting[number] = asyncio.create_task(self._running.begin_again(number))

    async def _repeat(self, act: Callable[[Client, str], Awaitable[None]], number: int) -> None:
        client, count = Client(self._running.ports), 0
        try:
            while not self._over:
                count += 1
                began = time.monotonic()
                try:
                    await act(client, f"{number}x{count}")
                except NoAnswer as error:
                    self._explain(client.port, began, f"port {client.port}: {error}")
        finally:
            await client.close()

    def _explain(self, port: int, began: float, failure: str) -> None:
        in_flight = began <= self._killed_until.get(port, -math.inf)
        (self.tally.in_flight if in_flight else self.tally.unexplained).append(failure)

    async def _write(self, client: Client, mark: str) -> None:
        text = f"Remember the word{mark} of this writer."
        await client.call("memorize", text=text)
        self.tally.acknowledged.append(text)

    async def _read(self, client: Client, mark: str) -> None:
        if not self.tally.acknowledged:
            await asyncio.sleep(0.01)
            return
        # Half of the time one of the newest: those are the ones another replica may not have in its index yet.
        pool = self.tally.acknowledged[-4:] if self._choose.random() < 0.5 else self.tally.acknowledged
        text = self._choose.choice(pool)
        reply = await client.call("search_memory", query=text.split()[2])
        self.tally.searches += 1
        self.tally.degraded += reply["degraded"]
        if text not in [one["text"] for one in reply["results"]]:
            self.tally.missed.append(text)

    async def _look_for_all(self) -> None:
        """Search each replica for a share of what was acknowledged, and count all of it."""
        for server in self._running.servers:
            await asyncio.to_thread(server.wait_ready)
        for number, server in enumerate(self._running.servers):
            client = Client(lambda server=server: [server.port])  # type: ignore[misc]
            for text in self.tally.acknowledged[number :: len(self._running.servers)]:
                reply = await client.call("search_memory", query=text.split()[2])
                if text not in [one["text"] for one in reply["results"]]:
                    self.tally.lost.append(text)
            await client.close()
