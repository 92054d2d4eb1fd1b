"""Counts the calls of an SSE stream that are in work: from a message's arrival until its answer is with the connection.

The SDK accepts a message at once and runs it beside all others, and each answer waits in a task of its own. So a client
that reads nothing would fill the memory.
"""

from __future__ import annotations

from contextvars import Context
from types import TracebackType
from typing import Any, Protocol, Self

import anyio
import mcp_types as types
from mcp.shared.message import ServerMessageMetadata, SessionMessage

from app.errors import MemoryServerError
from app.serve.line_connection import CALLS_AT_ONCE

CALL = "sse_call"  # in a message's scope: its Call


class TooManyCalls(MemoryServerError):
    """As many calls of one stream are in work as may be."""

    code = "too_many_calls"
    status = 429


class InWork(Protocol):
    """A stream with its number of calls in work."""

    in_work: int


class Call:
    """The place of one message among the calls of its stream; a message that is no call has it while it is accepted."""

    def __init__(self, stream: InWork | None) -> None:
        """stream: None when no session has the message's id. Raises TooManyCalls."""
        self._stream, self._has_place = stream, stream is not None
        if stream is None:
            return
        if stream.in_work >= CALLS_AT_ONCE:
            raise TooManyCalls(f"{CALLS_AT_ONCE} calls of this stream are in work; read its answers, and try again")
        stream.in_work += 1
        self._keeps = False

    def keep(self) -> None:
        """Keep the place until the call is answered. What accepted the call may have ended just before."""
        assert self._stream is not None
        self._keeps = True
        if not self._has_place:
            self._has_place = True
            self._stream.in_work += 1

    def accepted(self) -> None:
        """Give the place back, unless a call keeps it."""
        if self._stream is not None and self._has_place and not self._keeps:
            self._has_place = False
            self._stream.in_work -= 1


class StreamCalls:
    """What the SDK's server reads of a stream; each call in it keeps its place until it is answered."""

    def __init__(self, reading: Any, stream: InWork) -> None:
        self._reading, self._stream = reading, stream

    @property
    def last_context(self) -> Context | None:
        """Return the context of the last message's sender, which the SDK's server goes on in."""
        context: Context | None = self._reading.last_context
        return context

    async def receive(self) -> SessionMessage | Exception:
        item: SessionMessage | Exception = await self._reading.receive()
        if not isinstance(item, SessionMessage) or not isinstance(item.message, types.JSONRPCRequest):
            return item
        assert isinstance(item.metadata, ServerMessageMetadata)
        item.metadata.request_context.scope[CALL].keep()
        item.metadata.on_request_unanswered = self._settle
        return item

    async def _settle(self) -> None:
        self._stream.in_work -= 1

    async def aclose(self) -> None:
        await self._reading.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class StreamAnswers:
    """Where the SDK's server writes; an answer that the connection took gives its call's place back."""

    def __init__(self, writing: Any, stream: InWork) -> None:
        self._writing, self._stream = writing, stream

    async def send(self, item: SessionMessage, /) -> None:
        await self._writing.send(item)
        if isinstance(item.message, types.JSONRPCResponse | types.JSONRPCError):
            self._stream.in_work -= 1

    async def aclose(self) -> None:
        await self._writing.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
