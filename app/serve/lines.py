"""MCP over a Unix socket, a message a line: the daemon's side of `claude-memory stdio`.

A connection begins with one line of ours, {"bridge": …} or {"ask": "status" | "leave"}, answered by {"daemon": …};
after a bridge's, the lines are MCP's. Nobody but this user (and root) gets as far as that.
A client that sends nonsense, half a line or a line without end, or never reads, ends only its own session.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

logger = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 16 * 2**20
HELLO_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 30.0  # a client that does not read for that long has gone
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


@dataclass(slots=True, eq=False)
class LineSession:
    """One connected bridge, as `claude-memory status` shows it."""

    pid: int
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    client: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the session as JSON."""
        return {"pid": self.pid, "since": self.since.isoformat(timespec="seconds"), "client": self.client}


class LineSessions:
    """All sessions over the Unix socket.

    status: what {"ask": "status"} is answered with; leave: called once on {"ask": "leave"}.
    """

    def __init__(self, server: Server[Any], status: Callable[[], dict[str, Any]], leave: Callable[[], None]) -> None:
        self._server, self._status, self._leave = server, status, leave
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.open: set[LineSession] = set()
        self.idle_since = time.monotonic()

    def __len__(self) -> int:
        return len(self.open)

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept."""
        listener.setblocking(False)
        self._listener = await asyncio.start_unix_server(self._accept, sock=listener, limit=LINE_LIMIT_BYTES)

    async def stop(self) -> None:
        """Accept nobody more and end all sessions; idempotent."""
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if _peer_may(writer.get_extra_info("socket")):
                await self._greet(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            logger.debug("session over the socket ended: %s", type(error).__name__)
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            line = await reader.readline()
        try:
            hello = json.loads(line)
            asked, bridge = hello.get("ask"), hello.get("bridge")
        except (ValueError, AttributeError):
            return
        writer.write(json.dumps({"daemon": self._status()}).encode() + b"\n")
        await writer.drain()
        if asked == "leave":
            logger.info("asked to leave")
            self._leave()
            await reader.read()  # the connection is closed with the process: the asker sees when it is over
        elif isinstance(bridge, dict):
            session = LineSession(pid=int(bridge.get("pid", 0)))
            self.open.add(session)
            try:
                await self._serve(session, reader, writer)
            finally:
                self.open.discard(session)
                self.idle_since = time.monotonic()

    async def _serve(self, session: LineSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect the lines with the SDK's server until the client goes."""
        to_server, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write_stream, from_server = anyio.create_memory_object_stream[SessionMessage](0)

        async def write() -> None:
            async with from_server:
                async for message in from_server:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    writer.write(text.encode() + b"\n")
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await writer.drain()

        async def read() -> None:
            async with to_server:
                async for line in _lines(reader):
                    await to_server.send(_message(line, session))

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                self._server.run(read_stream, write_stream, self._server.create_initialization_options())
            )
            writing = group.create_task(write())
            reading = group.create_task(read())
            await asyncio.wait({serving, writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and not reading.exception():
                await asyncio.wait({serving, writing})  # what was asked before the client closed is still done
            for task in (serving, writing, reading):
                task.cancel()


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes | None]:
    """Yield lines; one over the limit comes as None and is skipped to its end."""
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return  # the end, or half a line before it
        except asyncio.LimitOverrunError:
            yield None
            if not await _skip_line(reader):
                return
            continue
        if line.strip():
            yield line


async def _skip_line(reader: asyncio.StreamReader) -> bool:
    """Read on to the end of the line; False when the stream ends first."""
    while True:
        try:
            await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            await reader.readexactly(error.consumed)
        except asyncio.IncompleteReadError:
            return False
        else:
            return True


def _message(line: bytes | None, session: LineSession) -> SessionMessage | Exception:
    if line is None:
        return ValueError(f"a message over {LINE_LIMIT_BYTES:,} bytes was not read")
    try:
        message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        return error
    if isinstance(message, types.JSONRPCRequest) and message.method == "initialize":
        client = (message.params or {}).get("clientInfo") or {}
        session.client = f"{client.get('name', '?')} {client.get('version', '')}".strip()
    return SessionMessage(message)


def _peer_may(connection: socket.socket) -> bool:
    """Whether the process at the other end is this user's or root's; on most systems the file's mode says so too."""
    if sys.platform != "linux":
        return True
    _, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return user in (os.geteuid(), 0)
