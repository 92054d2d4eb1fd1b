"""A small, fast MCP client over raw HTTP: keep-alive, one call at a time, both eras of the protocol.

The same client calls our server and the reference, so its own cost cancels out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

HOST = "127.0.0.1"
TIMEOUT_S = 60.0
_ABOUT = {"name": "benchmark", "version": "1"}
_FAILED = (b'"isError":true', b'"isError": true', b'"error":{', b'"error": {')

T = TypeVar("T")


class Era(StrEnum):
    """A version of the protocol."""

    LEGACY = "2025-06-18"  # initialize first, then calls in its session
    MODERN = "2026-07-28"  # no handshake: every call says who asks


LEGACY_INITIALIZE = {"protocolVersion": Era.LEGACY, "capabilities": {}, "clientInfo": _ABOUT}


class CallFailed(Exception):
    """The server answered with an error, or not at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None

    def message(self) -> dict[str, Any]:
        """Return the JSON-RPC message, sent as JSON or as one server-sent event. Raises CallFailed."""
        body = self.body
        if not body.lstrip().startswith(b"{"):
            body = b"".join(line[5:] for line in body.splitlines() if line.startswith(b"data:"))
        try:
            message = json.loads(body)
        except ValueError:
            raise CallFailed(f"HTTP {self.status}, no JSON: {self.body[:200]!r}") from None
        if not isinstance(message, dict):
            raise CallFailed(f"HTTP {self.status}, not a message: {self.body[:200]!r}")
        return message

    def result(self) -> dict[str, Any]:
        """Return the result of the call. Raises CallFailed when it is an error."""
        message = self.message()
        result = message.get("result")
        if self.status != 200 or not isinstance(result, dict) or result.get("isError"):
            raise CallFailed(f"HTTP {self.status}: {json.dumps(message)[:500]}")
        return result

    def looks_good(self) -> bool:
        """Whether this seems to be a result; quicker than `result`, as it parses no JSON."""
        return self.status == 200 and not any(mark in self.body for mark in _FAILED)


class Connection(asyncio.Protocol):
    """One keep-alive connection; one exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._closed = False

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect. Raises OSError."""
        _, protocol = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return protocol

    async def exchange(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises CallFailed when the connection ends before."""
        if self._closed:
            raise CallFailed("the server closed the connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection; idempotent."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = parsed(self._received)
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._received.clear()
            self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(CallFailed(f"the connection ended before the answer: {exc or 'closed'}"))


def parsed(received: bytearray) -> Answer | None:
    """Return the response when it is complete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
        body = received[end + 4 :]
        return Answer(status, head, bytes(body)) if len(body) >= length else None
    if b"\r\ntransfer-encoding: chunked" in lower:
        if not received.endswith(b"0\r\n\r\n"):
            return None
        whole = _unchunked(received, end + 4)
        return None if whole is None else Answer(status, head, bytes(whole))
    return Answer(status, head, b"")


def _unchunked(received: bytearray, at: int) -> bytearray | None:
    body = bytearray()
    while True:
        line = received.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(received[at:line], 16)
        if size == 0:
            return body
        if len(received) < line + size + 4:
            return None
        body += received[line + 2 : line + 2 + size]
        at = line + size + 4


class Session:
    """MCP on one connection, in one era."""

    def __init__(self, connection: Connection, port: int, era: Era, token: str = "") -> None:
        self.connection = connection
        self._era = era
        self._ids = 0
        self._head = (
            f"POST /mcp HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {era}\r\n{authorization(token)}"
        )

    @classmethod
    async def open(cls, port: int, era: Era, token: str = "") -> Session:
        """Connect, with a handshake if the era has one."""
        session = cls(await Connection.open(port), port, era, token)
        if era is Era.LEGACY:
            answer = await session.connection.exchange(initialize_request(port, token))
            answer.result()
            session_id = answer.header("mcp-session-id")
            if session_id is not None:
                session._head += f"Mcp-Session-Id: {session_id}\r\n"
            await session.connection.exchange(session._framed({"method": "notifications/initialized"}))
        return session

    def request(self, tool: str, arguments: dict[str, Any]) -> bytes:
        """Return a call of a tool, ready to send."""
        self._ids += 1
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        extra = ""
        if self._era is Era.MODERN:
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": self._era,
                "io.modelcontextprotocol/clientInfo": _ABOUT,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            extra = f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
        return self._framed({"id": self._ids, "method": "tools/call", "params": params}, extra)

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its structured result. Raises CallFailed."""
        async with asyncio.timeout(TIMEOUT_S):
            answer = await self.connection.exchange(self.request(tool, arguments))
        structured = answer.result().get("structuredContent")
        return structured if isinstance(structured, dict) else {}

    def close(self) -> None:
        """Close the connection; idempotent."""
        self.connection.close()

    def _framed(self, message: dict[str, Any], extra: str = "") -> bytes:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        return f"{self._head}{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def authorization(token: str) -> str:
    """Return the header's line, or nothing without a token."""
    return f"Authorization: Bearer {token}\r\n" if token else ""


def initialize_request(port: int, token: str = "") -> bytes:
    """Return the first request of a legacy client."""
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": LEGACY_INITIALIZE}).encode()
    return (
        f"POST /mcp HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json, text/event-stream\r\n{authorization(token)}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop, which leaves most of the machine to the server."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
