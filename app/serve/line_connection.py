"""Runs one session over the Unix socket: connects a bridge's lines to the SDK's server.

A client that sends nonsense, half a line or an endless line, or never reads, harms only its own session. At most
CALLS_AT_ONCE of its requests run at a time; until one ends, nothing more is read, so a client's use of memory is
limited.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from app.access.authenticator import noted_agent
from app.bridge.protocol import AFTER_CLIENT_S, LINE_TOO_LONG
from app.memory.json_values import TooManyValues, check_values
from app.memory.types import Scope
from app.settings.fields import Settings
from app.settings.loading import ClientIdentity

CALLS_AT_ONCE = 32
_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"  # in every request since 2026-07-28


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTimes:
    """How long each step of a connection may take, in seconds.

    hello_s: until the bridge has greeted. send_s: a client that does not read for this long is gone. after_client_s:
    how long calls go on after the client has left. close_s: until the other end has closed.
    """

    hello_s: float = 10.0
    send_s: float = 30.0
    after_client_s: float = AFTER_CLIENT_S
    close_s: float = 5.0


TIMES = LineTimes()


@dataclass(slots=True, eq=False)
class LineSession:
    """One connected bridge, as `claude-memory status` shows it."""

    pid: int
    identity: ClientIdentity
    settings: Settings
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    client: str | None = None
    client_name: object = None

    @property
    def scope(self) -> Scope:
        """The user whose memories it sees: the one it names, because it could read the whole data directory anyway."""
        user = self.identity.default_user_id or self.settings.default_user_id
        return Scope(user, self.identity.default_agent_id or noted_agent(self.settings, self.client_name))

    def as_json(self) -> dict[str, Any]:
        """Return the session as JSON."""
        return {
            "pid": self.pid,
            "since": self.since.isoformat(timespec="seconds"),
            "client": self.client,
            "user": self.scope.user,
            "agent": self.scope.agent,
        }

    def note_client(self, message: types.JSONRPCRequest) -> None:
        """Read the client's name from its handshake, or from the first request that contains it."""
        if self.client is not None and message.method != "initialize":
            return
        params = message.params or {}
        info = params.get("clientInfo") if message.method == "initialize" else None
        meta = params.get("_meta")
        if info is None and isinstance(meta, dict):
            info = meta.get(_CLIENT_INFO)
        if isinstance(info, dict):
            self.client_name = info.get("name")
            self.client = f"{info.get('name', '?')} {info.get('version', '')}".strip()[:200]


class LineConnection:
    """Connects the lines of one session to the SDK's server."""

    def __init__(
        self,
        server: Server[Any],
        session: LineSession,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        times: LineTimes = TIMES,
    ) -> None:
        self._server, self._session = server, session
        self._reader, self._writer, self._times = reader, writer, times
        self._running = 0
        self._settled = asyncio.Condition()
        self._to_server, self._for_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._from_server, self._answers = anyio.create_memory_object_stream[SessionMessage](0)

    async def serve(self) -> None:
        """Serve until the client disconnects and its requests are done."""
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                self._server.run(self._for_server, self._from_server, self._server.create_initialization_options())
            )
            writing = group.create_task(self._write())
            reading = group.create_task(self._read())
            await asyncio.wait({serving, writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and not reading.exception():
                await asyncio.wait({serving, writing})
            for task in (serving, writing, reading):
                task.cancel()

    async def _read(self) -> None:
        async with self._to_server:
            async for line in _lines(self._reader):
                message = await _checked_message(line)
                if isinstance(message, types.JSONRPCError):
                    await self._send(message)
                    continue
                metadata = None
                if isinstance(message, types.JSONRPCRequest):
                    self._session.note_client(message)
                    await self._wait_for_fewer_than(CALLS_AT_ONCE)
                    self._running += 1
                    metadata = ServerMessageMetadata(
                        request_context=self._session.scope, on_request_unanswered=self._settle
                    )
                await self._to_server.send(SessionMessage(message, metadata))
            # The SDK's server cancels all calls when its stream ends, so first finish those sent before the end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._times.after_client_s):
                    await self._wait_for_fewer_than(1)

    async def _write(self) -> None:
        async with self._answers:
            async for message in self._answers:
                await self._send(message.message)
                if isinstance(message.message, types.JSONRPCResponse | types.JSONRPCError):
                    await self._settle()

    async def _send(self, message: types.JSONRPCMessage) -> None:
        try:
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        except PydanticSerializationError:  # half of a surrogate pair, from the client's own text
            text = json.dumps(message.model_dump(mode="python", by_alias=True, exclude_unset=True))
        if self._writer.is_closing():  # a write to it says nothing
            raise ConnectionResetError("the client is gone")
        self._writer.write(text.encode() + b"\n")
        async with asyncio.timeout(self._times.send_s):
            await self._writer.drain()

    async def _settle(self) -> None:
        """Record that a request was answered, or never will be."""
        async with self._settled:
            self._running -= 1
            self._settled.notify_all()

    async def _wait_for_fewer_than(self, limit: int) -> None:
        async with self._settled:
            await self._settled.wait_for(lambda: self._running < limit)


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes | None]:
    """Yield lines; yield None for a line over the limit, and skip it."""
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
    """Read to the end of the line; return False when the stream ends first."""
    while True:
        try:
            await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            await reader.readexactly(error.consumed)
        except asyncio.IncompleteReadError:
            return False
        else:
            return True


async def _checked_message(line: bytes | None) -> types.JSONRPCMessage:
    """Return the message in a line as `_message`, unless it has too many values to be read."""
    try:
        await check_values(line or b"")
    except TooManyValues as error:
        return _error(None, types.INVALID_REQUEST, str(error))
    return _message(line)


def _message(line: bytes | None) -> types.JSONRPCMessage:
    """Return the message in a line, or the error to answer with when the line holds none."""
    if line is None:
        return _error(None, types.INVALID_REQUEST, LINE_TOO_LONG)
    try:
        return types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        pass
    try:  # Python's parser accepts half of a surrogate pair, so that the tool can say which argument holds it
        value = json.loads(line)
        return types.jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        request_id = value.get("id") if isinstance(value, dict) and "method" in value else None
        valid_id = request_id if isinstance(request_id, int | str) and not isinstance(request_id, bool) else None
        return _error(valid_id, types.INVALID_REQUEST, "not a JSON-RPC 2.0 message")
    except (ValueError, RecursionError):
        return _error(None, types.PARSE_ERROR, "not JSON in UTF-8")


def _error(request_id: int | str | None, code: int, text: str) -> types.JSONRPCError:
    return types.JSONRPCError(jsonrpc="2.0", id=request_id, error=types.ErrorData(code=code, message=text))
