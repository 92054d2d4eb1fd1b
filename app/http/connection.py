"""One HTTP connection within the bounds of `app.http.bounds`: uvicorn's protocol on httptools, which has none itself.

httptools joins the pieces of a header as they come, keeps no count, and reports nothing before a header is whole. So
bytes are counted here: those that brought the parser no further. Times are checked by `app.http.uvicorn_server`, which
looks at every connection twice a second; a request that arrives at once costs no timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.http.bounds import BodiesFull, BodyTooSlow
from app.http.state import SHORT, State

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def forget_own_method(transport: asyncio.BaseTransport) -> None:
    """Free a transport that lost its connection of the method of its own that asyncio keeps in it in Python 3.11.

    Later versions do so themselves (`_SelectorSocketTransport._call_connection_lost`).
    """
    held = getattr(transport, "__dict__", {})
    if "_read_ready_cb" in held:
        held["_read_ready_cb"] = None


class _OverBound(Exception):
    """A request has more than the bounds allow."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that is answered 431 or 400, or closed, when it is over a bound."""

    server_state: State

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._application: ASGIApp = self.app
        self._bounds = self.server_state.bounds
        self._requests: set[_Request] = set()
        self._request: _Request | None = None
        self._short = False  # of descriptors: it was accepted as one of those that are kept free
        self._in_body = False  # of the request that is being parsed
        self._begun = self._progressed = False  # whether this read brought a byte of a request, or a whole part
        self._head_bytes = self._head_count = self._chunks = self._chunked_bytes = 0
        self._idle_bytes = self._framing_bytes = self._body_bytes = self._late_bytes = 0
        self._head_since: float | None = None
        self._late_since: float | None = None
        self._ended_at: float | None = None
        self._refusal: asyncio.TimerHandle | None = None
        self._unread, self._unread_since = 0, 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_since = self.loop.time()
        self.server_state.silent[self] = None
        descriptor = transport.get_extra_info("socket").fileno()
        if self.server_state.descriptors.is_kept(descriptor):
            self._short = not self.server_state.make_room(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._refusal is not None:
            self._refusal.cancel()
        self.server_state.forget(self)
        self._leave()
        super().connection_lost(exc)
        # With a reference to itself it would be there until a full collection, which stops all calls for a while; with
        # the timer, which uvicorn leaves after a reset, for over a minute.
        self._unset_keepalive_if_required()
        self._request, self.app = None, self._application
        forget_own_method(self.transport)

    # What arrives

    def data_received(self, data: bytes) -> None:
        if self._ended_at is not None:
            return  # dropped, so that a client that still sends can read why it was refused
        self._unset_keepalive_if_required()
        was_in_body, self._progressed, self._body_bytes = self._in_body, False, 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # we switch to no other protocol, which the answer shows
        except httptools.HttpParserError as error:
            over = isinstance(error.__context__, _OverBound)
            self._refuse(400 if self._in_body or not over else 431, str(error.__context__ if over else "not HTTP"))
            return
        self._idle_bytes = 0 if self._progressed else self._idle_bytes + len(data)
        if was_in_body and self._in_body:
            self._framing_bytes += len(data) - self._body_bytes
        if self._idle_bytes > self._bounds.head_bytes:
            self._refuse(
                400 if self._in_body else 431, f"over {self._bounds.head_bytes:,} bytes of headers or trailers"
            )
        elif self._framing_bytes > self._bounds.framing_bytes:
            self._refuse(400, f"over {self._bounds.framing_bytes:,} bytes of chunk sizes and trailers")
        elif self._late_bytes > self._bounds.late_bytes:
            self._cut()
        elif not self._in_body and not self.answering:
            self._await_next()

    def _await_next(self) -> None:
        """Limit the time of what follows: the rest of a head, or the first byte of the next request."""
        if self._begun or not self._progressed:
            if self._head_since is None:
                self._head_since = self.loop.time()
        elif self.timeout_keep_alive_task is None:  # the last bytes of a body came after its answer
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._head_bytes = self._head_count = self._framing_bytes = self._chunks = self._chunked_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_count += 1
        self._count_head(len(name) + len(value) + 4)
        if self._head_count > self._bounds.headers:
            raise _OverBound(f"over {self._bounds.headers} headers")
        if not self._in_body:  # trailers are no headers of a request that runs already
            super().on_header(name, value)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._bounds.head_bytes:
            raise _OverBound(f"over {self._bounds.head_bytes:,} bytes of headers")

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self._bounds.pipelined:
            raise _OverBound(f"over {self._bounds.pipelined} requests ahead of their answers")
        self._progressed, self._head_since, self._late_since = True, None, None
        self._head_bytes = self._head_count = self._late_bytes = 0  # trailers have the same bounds
        self.server_state.forget(self)
        if self._short:
            self.scope["state"][SHORT] = True
        request = _Request(self, self._application)
        self.app = request.run
        super().on_headers_complete()  # fails for an address without a path, such as http://
        request.cycle = self.cycle
        self._request, self._in_body = request, True
        self._requests.add(request)
        if self._short:
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """Count a chunk, whose size is whole."""
        self._progressed = True
        self._chunks += 1
        bounds = self._bounds
        if self._chunks > bounds.chunks and self._chunks > bounds.chunks + self._chunked_bytes // bounds.chunk_bytes:
            raise _OverBound("too many chunks of a few bytes")

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        self._body_bytes += len(body)
        self._chunked_bytes += len(body)
        request = self._request
        if self.cycle.response_complete or request is None or request.refused:
            self._late_bytes += len(body)
            return
        super().on_body(body)
        request.took(len(body))

    def on_message_complete(self) -> None:
        self._progressed, self._in_body, self._begun = True, False, False
        self._framing_bytes = 0
        if self._request is not None:
            self._request.complete()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:
            self.server_state.idle[self] = None
            if self._begun and not self._in_body:  # a part of the next head came ahead
                self._head_since = self.loop.time()

    # Times

    def look(self, now: float) -> None:
        """Close the connection if it is over a time; called twice a second."""
        bounds = self._bounds
        if self._ended_at is not None and now - self._ended_at > bounds.linger_s and not self.answering:
            self._cut()
        elif self._head_since is not None and now - self._head_since > bounds.head_s:
            self.transport.close()
        elif self._in_body and self.cycle.response_complete:
            if self._late_since is None:
                self._late_since = now
            elif now - self._late_since > bounds.late_s:
                self._cut()
        if (unread := self.transport.get_write_buffer_size()) == 0:
            self._unread = 0
        elif self._unread == 0 or unread < self._unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > bounds.unread_s:
            self.server_state.log.warn(f"closed a connection whose answer was not read for {bounds.unread_s:.0f} s")
            self._cut()
        else:
            self._unread = unread

    @property
    def answering(self) -> bool:
        """Whether a request is in work."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.disconnected

    def stalled(self, now: float) -> float:
        """Return for how many seconds no byte came of a body that is not whole; 0 when none is awaited."""
        return now - self._request.last_byte_at if self._in_body and self._request is not None else 0.0

    def give_way(self) -> None:
        """Close now: its descriptor is needed."""
        self._cut()

    def _cut(self) -> None:
        self.transport.abort()
        self._leave()

    def _leave(self) -> None:
        """End all requests: uvicorn knows of the last one only, and an answer to a closed connection is an error."""
        for request in self._requests:
            request.disconnected()

    # Refusals

    def _refuse(self, status: int, why: str) -> None:
        """Answer what cannot be parsed, and close; after the answers that are still to come, close without one."""
        self.server_state.log.warn(f"refused what a connection sent with {status}: {why}")
        self._ended_at = self.loop.time()
        self.server_state.forget(self)
        if self.answering and (not self._in_body or self.cycle.response_started or self.pipeline):
            self.cycle.keep_alive = False
            return
        if self.answering:  # it waits for a body that will never be whole
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.server_state.silent[self] = None  # it may give way
        self._refusal = self.loop.call_later(self._bounds.refusal_s, self._tell_refusal, status, why)

    def _tell_refusal(self, status: int, why: str) -> None:
        self.server_state.forget(self)
        self._ended_at = self.loop.time()
        text = f"{why}\n".encode("ascii", "replace")
        headers = [*self.server_state.default_headers, (b"content-type", b"text/plain; charset=utf-8")]
        headers += [(b"content-length", b"%d" % len(text)), (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + text)
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        try:
            self.transport.write_eof()
        except OSError:  # the client has left, and the loop has not seen it yet
            self._cut()


class _Request:
    """One request: runs the application, with a body that arrives in time and within the bound of all bodies."""

    __slots__ = ("_application", "_connection", "_received", "_waited_s", "cycle", "held", "last_byte_at", "refused")

    def __init__(self, connection: BoundedConnection, application: ASGIApp) -> None:
        self._connection, self._application = connection, application
        self.cycle: RequestResponseCycle = connection.cycle  # the one before it, until its own is there
        self.held = self._received = 0
        self._waited_s = 0.0
        self.last_byte_at = connection.loop.time()
        self.refused = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            whole = not self.cycle.more_body and not self.refused
            await self._application(scope, receive if whole else self._receive, send)
        finally:
            self._connection.server_state.bodies.release(self)
            self._connection._requests.discard(self)

    def took(self, size: int) -> None:
        """Count bytes of the body."""
        bounds, before = self._connection._bounds, self._received
        self._received += size
        self.last_byte_at = self._connection.loop.time()
        if (over := self._received - max(before, bounds.free_body_bytes)) > 0:
            self._connection.server_state.bodies.take(self, over)

    def complete(self) -> None:
        """Note that the body is whole."""
        if self.held:
            self._connection.server_state.bodies.complete(self)

    def disconnected(self) -> None:
        """Answer no more, and release the body of a request that never ran; one that runs does it at its end."""
        if not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if any(cycle is self.cycle for cycle, _ in self._connection.pipeline):
            self._connection.server_state.bodies.release(self)

    def refuse(self) -> None:
        self.refused = True
        self.cycle.body = bytearray()
        self.cycle.message_event.set()

    async def _receive(self) -> Message:
        """Return what came of the body. Raises BodyTooSlow and BodiesFull."""
        cycle, bounds, loop = self.cycle, self._connection._bounds, self._connection.loop
        if not cycle.more_body and not self.refused:
            return await cycle.receive()  # type: ignore[return-value]
        patience_s = min(bounds.body_s, bounds.body_grace_s + self._received / bounds.body_bytes_per_s) - self._waited_s
        began = loop.time()
        try:
            async with asyncio.timeout(patience_s):
                message: Message = await cycle.receive()  # type: ignore[assignment]
        except TimeoutError:
            return self._cut(self._waited_s + patience_s)
        self._waited_s += loop.time() - began
        if self.refused and not cycle.disconnected and not cycle.response_complete:
            raise BodiesFull("the bodies of all requests together are too large just now; try again")
        return message

    def _cut(self, waited_s: float) -> Message:
        """End a request whose body is too slow. Raises BodyTooSlow, unless its answer has begun."""
        if self.cycle.response_started:
            self._connection._cut()
            return {"type": "http.disconnect"}
        raise BodyTooSlow(f"body: {self._received:,} bytes in {waited_s:.0f} s, and not whole; send it faster")
