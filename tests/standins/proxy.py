"""A load balancer, as small as one can be: TCP to those replicas whose /ready says yes, asked all the time.

Like a real one it tries the next replica when a connection is refused, and never sends a request twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count

CHECK_S = 0.05
_READY = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Proxy:
    """Listens on `port`; `ports` tells where the replicas are."""

    def __init__(self, ports: Callable[[], Sequence[int]]) -> None:
        self._ports = ports
        self._ready: list[int] = []
        self._turn = count()
        self.port = 0

    async def check_on(self) -> None:
        """Ask every replica again and again whether it is ready."""
        while True:
            ports = list(self._ports())
            ready = await asyncio.gather(*map(self._is_ready, ports))
            self._ready = [port for port, is_ready in zip(ports, ready, strict=True) if is_ready]
            await asyncio.sleep(CHECK_S)

    async def _is_ready(self, port: int) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        line = b""
        try:
            with contextlib.suppress(OSError):
                writer.write(_READY)
                line = await reader.readline()
        finally:
            await _close(writer)
        return b" 200 " in line

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            turn = next(self._turn)
            for number in range(len(self._ready)):
                with contextlib.suppress(ConnectionRefusedError):
                    return await asyncio.open_connection("127.0.0.1", self._ready[(turn + number) % len(self._ready)])
            await asyncio.sleep(CHECK_S)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client's connection."""
        try:
            back, there = await self._connect()
            answers = asyncio.create_task(_carry(back, writer))
            try:
                await _carry(reader, there)
                await answers
            finally:
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
                await _close(there)
        finally:
            await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy(ports: Callable[[], Sequence[int]]) -> AsyncIterator[Proxy]:
    """Run a proxy as long as the block lasts."""
    running = Proxy(ports)
    checking = asyncio.create_task(running.check_on())
    carried: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(running.serve(reader, writer))
        carried.add(task)
        task.add_done_callback(carried.discard)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        left = [checking, *carried]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
