"""MCP over SSE: the SDK's transport, with streams that beat and that can be ended.

Left alone, the SDK's streams notice a shutdown only every half second and then break off in the middle of
their response, which uvicorn reports as an error. Here each stream can be told to end: it sees its client go,
the session winds down as for any client, and the response gets its proper last chunk.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from sse_starlette import EventSourceResponse
from starlette.types import Message, Receive, Scope, Send

from app.serve.service import MCP_BODY_LIMIT_BYTES

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10  # proxies cut a silent connection, the strictest after 15 s
MESSAGES_PATH = "/messages/"
_RETRY = b"retry: 1000\r\n\r\n"  # milliseconds: by then a proxy has another replica, or a service manager a new server


class SseSessions:
    """All open SSE sessions of one MCP server."""

    def __init__(self, server: Server[Any]) -> None:
        # The SDK does not pass a ping interval on, so the default of the class is the only place to set it.
        EventSourceResponse.DEFAULT_PING_INTERVAL = HEARTBEAT_S
        self._server = server
        self._transport = SseServerTransport(MESSAGES_PATH, max_request_body_size=MCP_BODY_LIMIT_BYTES)
        self._streams: set[_Stream] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._streams)

    async def open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one session until its client goes, or `end`."""
        stream = _Stream(receive, send)
        if self._ended:
            stream.end()
        self._streams.add(stream)
        try:
            async with self._transport.connect_sse(scope, stream.receive, stream.send) as (reading, writing):
                await self._server.run(reading, writing, self._server.create_initialization_options())
        finally:
            self._streams.discard(stream)
        await stream.finish()

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one message of a session."""
        try:
            await self._transport.handle_post_message(scope, receive, send)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            # it has been answered with 202; the session ended before it could be handed over
            logger.debug("the session ended before its message was read")

    def end(self) -> None:
        """End all streams, and those that come from now on."""
        self._ended = True
        for stream in self._streams:
            stream.end()


class _Stream:
    """The connection below one session."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._started = self._complete = False

    def end(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    async def receive(self) -> Message:
        """Wait for the client to go, or for the end of the server, which looks the same to the session."""
        incoming = asyncio.ensure_future(self._receive())
        both: set[asyncio.Future[Any]] = {incoming, self._end}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return incoming.result() if incoming.done() else {"type": "http.disconnect"}
        finally:
            incoming.cancel()

    async def send(self, message: Message) -> None:
        self._started = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """Complete the response, with a hint when to come again; nothing happens when the client has gone."""
        if self._started and not self._complete:
            await self.send({"type": "http.response.body", "body": _RETRY, "more_body": False})
