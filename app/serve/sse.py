"""Serves MCP over SSE: the SDK's transport, with heartbeats, and with streams that can be ended or limited in time.

On their own, the SDK's streams notice a shutdown only every half second and then break off in the middle of the
response, which uvicorn reports as an error. Here `end` makes a stream see a disconnect: the session winds down as for
any client that leaves, and the response gets its proper last chunk, which tells the client when to connect again.

A platform that cuts long requests would break a stream off in the middle of an answer. STREAM_SECONDS ends it before
that, between two calls.

A client that sends calls and does not read their answers harms only itself: CALLS_AT_ONCE of a stream's calls are in
work at a time. `app.http.connection` closes one that is not read, and `sse_calls` counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import RequestBodyLimitMiddleware
from sse_starlette import EventSourceResponse
from starlette.types import Message, Receive, Scope, Send

from app.endpoints import MESSAGES
from app.errors import MemoryServerError, Unavailable
from app.memory.json_values import check_values
from app.serve.early_stream import SESSION_ID, EarlyStream
from app.serve.running_calls import ANSWER_TURN_S
from app.serve.service import MCP_BODY_LIMIT_BYTES
from app.serve.sse_calls import CALL, Call, StreamAnswers, StreamCalls

logger = logging.getLogger(__name__)

LAST_CALLS_S = 10.0  # how long before its time limit a stream ends as soon as no call runs
_CALLS_CHECK_S = 0.05
HEARTBEAT_S = 10  # proxies cut a silent connection, the strictest after 15 s
# In milliseconds: by then a proxy has found another replica, or a service manager has started a new server.
_RETRY = b"retry: 1000\r\n\r\n"


class SseSessions:
    """All open SSE sessions of one MCP server."""

    def __init__(
        self,
        server: Server[Any],
        is_busy: Callable[[str], bool] = lambda session: False,
        stream_s: float | None = None,
        streams_limit: Callable[[], int | None] = lambda: None,
    ) -> None:
        """is_busy: whether a call of the session with this id runs. stream_s: the longest a stream lasts, in seconds.

        streams_limit: returns how many streams may be open. None means for ever, and any number.
        """
        # The SDK does not pass on a ping interval, so we can only set the default of the class.
        EventSourceResponse.DEFAULT_PING_INTERVAL = HEARTBEAT_S
        self._server = server
        self._transport = SseServerTransport(MESSAGES, max_request_body_size=MCP_BODY_LIMIT_BYTES)
        self._bounded = RequestBodyLimitMiddleware(self._post_whole, MCP_BODY_LIMIT_BYTES)
        self._is_busy, self._stream_s, self._streams_limit = is_busy, stream_s, streams_limit
        self._streams: set[_Stream] = set()
        self._by_session: dict[str, _Stream] = {}
        self._early: dict[str, EarlyStream] = {}
        self._ended = False

    def __len__(self) -> int:
        return len(self._streams)

    async def open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one session until its client disconnects, or until `end`. Raises Unavailable."""
        limit = self._streams_limit()
        if limit is not None and len(self._streams) >= limit:
            raise Unavailable(f"{limit} streams are open, which is half of what the limit of open files allows")
        stream = _Stream(receive, send, self._by_session)
        if self._ended:
            stream.end()
        self._streams.add(stream)
        in_time = asyncio.create_task(self._end_in_time(stream))
        try:
            async with self._transport.connect_sse(scope, stream.receive, stream.send) as (reading, writing):
                options = self._server.create_initialization_options()
                await self._server.run(StreamCalls(reading, stream), StreamAnswers(writing, stream), options)
        finally:
            in_time.cancel()
            self._streams.discard(stream)
            self._by_session.pop(stream.session, None)
        await stream.finish()

    async def open_early(
        self, scope: Scope, receive: Receive, send: Send, identify: Callable[[], Awaitable[object]]
    ) -> None:
        """Begin the response at once, and the session when its caller is identified. Raises what `identify` raises.

        identify: waits for the database, and sets the caller in the scope.
        """
        early = EarlyStream(send)
        self._early[early.id] = early
        try:
            await early.begin(scope)
            await self._identified(early, identify)
            await self.open(scope, receive, early.send)
        finally:
            early.close()
            del self._early[early.id]

    @staticmethod
    async def _identified(early: EarlyStream, identify: Callable[[], Awaitable[object]]) -> None:
        """Wait until the caller is identified. Whatever happens instead, the response ends properly."""
        alive = asyncio.create_task(early.keep_alive(HEARTBEAT_S))
        try:
            try:
                await identify()
            finally:
                alive.cancel()
                await asyncio.gather(alive, return_exceptions=True)  # a client that left is seen by the session
        except MemoryServerError:  # its caller may not have a session
            await early.end()
            raise
        except BaseException:  # the server stops, or a fault of ours: the client connects again
            await early.end(_RETRY)
            raise

    async def _end_in_time(self, stream: _Stream) -> None:
        """End a stream in the last seconds before its limit, between two calls if there is such a moment."""
        if self._stream_s is None:
            return
        last_s = min(LAST_CALLS_S, self._stream_s / 2)
        await asyncio.sleep(self._stream_s - last_s)
        for _ in range(round(last_s / _CALLS_CHECK_S)):
            if not self._is_busy(stream.session):
                break
            await asyncio.sleep(_CALLS_CHECK_S)
        await asyncio.sleep(ANSWER_TURN_S)
        stream.end()

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept one message for a session. Raises TooManyCalls."""
        found = SESSION_ID.search(scope["query_string"])
        if found is not None and (early := self._early.get(found[1].decode())) is not None:
            session = await asyncio.shield(early.session)
            scope = {**scope, "query_string": f"session_id={session}".encode()}
            found = SESSION_ID.search(scope["query_string"])
        stream = self._by_session.get(found[1].decode()) if found is not None else None
        call = Call(stream)
        try:
            await self._bounded({**scope, CALL: call}, receive, send)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            # The message was answered with 202, but the session ended before it was read.
            logger.debug("the session ended before its message was read")
        finally:
            call.accepted()

    async def _post_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a message that has been read as a whole. Raises TooManyValues."""
        waiting = [await receive()]
        await check_values(waiting[0].get("body", b""))

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._transport.handle_post_message(scope, replay, send)

    def end(self) -> None:
        """End all streams, now and from now on."""
        self._ended = True
        for stream in self._streams:
            stream.end()


class _Stream:
    """The connection below one session, whose id is "" until the first event."""

    def __init__(self, receive: Receive, send: Send, by_session: dict[str, _Stream]) -> None:
        self._receive, self._send, self._by_session = receive, send, by_session
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._started = self._complete = False
        self.session = ""
        self.in_work = 0  # calls, and messages that are being accepted

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
        if not self.session and (found := SESSION_ID.search(message.get("body", b""))):
            self.session = found[1].decode()
            self._by_session[self.session] = self
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """Complete the response and say when to reconnect; does nothing if the response is complete or not started."""
        if self._started and not self._complete:
            await self.send({"type": "http.response.body", "body": _RETRY, "more_body": False})
