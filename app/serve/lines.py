"""Serves MCP over a Unix socket, one message per line: the server's side of `claude-memory stdio`.

Only this system user and root get past the connection check to the greeting (`app.bridge.protocol`). They could read
the data directory anyway, so a bridge may name the memory user it acts for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from mcp.server.lowlevel import Server

from app.bridge.protocol import LINE_LIMIT_BYTES, peer_user
from app.errors import InvalidSettings
from app.fair_loop import work_for_user
from app.serve.line_connection import TIMES, LineConnection, LineSession, LineTimes
from app.settings.fields import Settings
from app.settings.loading import ClientIdentity

logger = logging.getLogger(__name__)

# A lost connection, a timeout, and what the SDK's streams raise when the other end closed first.
_ENDS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)


class LineSessions:
    """All sessions over the Unix socket.

    status: returns the answer to {"ask": "status"}. leave: called once, on the first {"ask": "leave"}.
    reindex: called on {"ask": "reindex"}; it starts to rebuild the index.
    tell_settings: returns what {"ask": "settings"} adds to the answer.
    """

    def __init__(
        self,
        server: Server[Any],
        settings: Settings,
        status: Callable[[], dict[str, Any]],
        leave: Callable[[], None],
        reindex: Callable[[], Awaitable[None]] | None = None,
        tell_settings: Callable[[], list[dict[str, Any]]] = list,
        times: LineTimes = TIMES,
    ) -> None:
        self._server, self._settings, self._status, self._leave = server, settings, status, leave
        self._reindex, self._tell_settings, self._times = reindex, tell_settings, times
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._askers: list[int] = []  # descriptors of processes that asked us to leave, open until this process ends
        self.open: set[LineSession] = set()
        self.idle_since = time.monotonic()

    def __len__(self) -> int:
        return len(self.open)

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept."""
        listener.setblocking(False)
        self._listener = await asyncio.start_unix_server(self._accept, sock=listener, limit=LINE_LIMIT_BYTES)

    async def stop(self) -> None:
        """Accept no more connections and end all sessions; idempotent."""
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
        except* _ENDS as errors:
            logger.debug("session over the socket ended: %s", errors.exceptions[0])
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(self._times.close_s):
                    await writer.wait_closed()
            writer.transport.abort()  # drop what the client has not read

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._times.hello_s):
                hello = json.loads(await reader.readline())
            asked, bridge = hello.get("ask"), hello.get("bridge")
            pid = int(bridge.get("pid", 0)) if bridge is not None else 0
            identity = dict(bridge.get("identity", {})) if bridge is not None else {}
        except (ValueError, TypeError, AttributeError, RecursionError):
            return  # not one of our bridges
        if self._leaving and bridge is not None:
            return  # it tries again, and reaches the next server
        greeting = self._status()
        session = None
        if bridge is not None:
            try:
                session = LineSession(pid, ClientIdentity.checked(identity), self._settings)
                greeting["user"] = session.scope.user
                work_for_user(session.scope.user)
            except InvalidSettings as error:
                greeting["refused"] = str(error)
        if asked == "settings":
            greeting["settings"] = self._tell_settings()
        writer.write(json.dumps({"daemon": greeting}).encode() + b"\n")
        async with asyncio.timeout(self._times.send_s):
            await writer.drain()
        if asked == "leave":
            self._askers.append(os.dup(writer.get_extra_info("socket").fileno()))  # closes when this process has ended
            if not self._leaving:
                self._leaving = True
                logger.info("asked to leave")
                self._leave()
        elif asked == "reindex" and self._reindex is not None:
            await self._reindex()
        elif session is not None:
            connection = LineConnection(self._server, session, reader, writer, self._times)
            if bridge.get("passing"):  # a short visit by a command, which must not keep a daemon from stopping
                await connection.serve()
                return
            self.open.add(session)
            try:
                await connection.serve()
            finally:
                self.open.discard(session)
                self.idle_since = time.monotonic()


def _peer_may(connection: socket.socket) -> bool:
    """Whether this user or root owns the process at the other end; on most systems the file's mode ensures it too."""
    return peer_user(connection) in (None, os.geteuid(), 0)
