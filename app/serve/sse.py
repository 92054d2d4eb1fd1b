"""Serves MCP over SSE: the SDK's transport, with heartbeats and with streams that can be ended.

On their own, the SDK's streams notice a shutdown only every half second and then break off in the middle of the
response, which uvicorn reports as an error. Here `end` makes a stream see a disconnect: the session winds down as for
any client that leaves, and the response gets its proper last chunk.
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

from app.endpoints import MESSAGES
from app.serve.service import MCP_BODY_LIMIT_BYTES

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10  # proxies cut a silent connection, the strictest after 15 s
# In milliseconds: by then a proxy has found another replica, or a service manager has started a new server.
_RETRY = b"retry: 1000\r\n\r\n"


class SseSessions:
    """All open SSE sessions of one MCP server."""

    def __init__(self, server: Server[Any]) -> None:
        # The SDK does not pass on a ping interval, so we can only set the default of the class.
        EventSourceResponse.DEFAULT_PING_INTERVAL = HEARTBEAT_S
        self._server = server
        self._transport = SseServerTransport(MESSAGES, max_request_body_size=MCP_BODY_LIMIT_BYTES)
        self._streams: set[_Stream] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._streams)

    async def open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one session until its client disconnects, or until `end`."""
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
        """Accept one message for a session."""
        try:
            await self._transport.handle_post_message(scope, receive, send)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            # The message was answered with 202, but the session ended before it was read.
            logger.debug("the session ended before its message was read")

    def end(self) -> None:
        """End all streams, now and from now on."""
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
        """Return the client's next message, or a disconnect when the server ends."""
        incoming = asyncio.ensure_future(self._receive())
        futures: set[asyncio.Future[Any]] = {incoming, self._end}
        try:
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            return incoming.result() if incoming.done() else {"type": "http.disconnect"}
        finally:
            incoming.cancel()

    async def send(self, message: Message) -> None:
        self._started = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """Complete the response and say when to reconnect; does nothing if the response is complete or not started."""
        if self._started and not self._complete:
            await self.send({"type": "http.response.body", "body": _RETRY, "more_body": False})
