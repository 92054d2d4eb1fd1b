"""The daemon's side of the socket, and clients that speak lines to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server

from app import __version__
from app.memory.types import Scope
from app.serve.line_connection import TIMES, LineTimes
from app.serve.lines import LineSessions
from app.settings.fields import Settings
from tests.support.bridges import INITIALIZED
from tests.support.serving import INITIALIZE, PATIENCE_S


class Tools:
    """An MCP server with two tools: `wait` answers when it may, `echo` at once with its text."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.begun = self.most = self.finished = 0
        self.scopes: list[Scope] = []
        self.server: Server[Any] = Server("test", version="1", on_call_tool=self._call)

    async def _call(self, ctx: Any, params: types.CallToolRequestParams) -> Any:
        text = (params.arguments or {}).get("text", "")
        self.scopes.append(ctx.request)
        if params.name == "wait":
            self.begun += 1
            self.most = max(self.most, self.begun - self.finished)
            try:
                await self.may_answer.wait()
            finally:
                self.finished += 1
        return {"content": [{"type": "text", "text": text}], "isError": False, "resultType": "complete"}


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *messages: Any) -> None:
        """Send messages, or bytes as they are."""
        for message in messages:
            self.writer.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def line(self) -> dict[str, Any]:
        """Return the next line."""
        async with asyncio.timeout(PATIENCE_S):
            line = await self.reader.readline()
        assert line, "the connection ended"
        message: dict[str, Any] = json.loads(line)
        return message

    async def ended(self) -> bool:
        """Read to the end and tell that there was one."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(65_536):
                    pass
            except ConnectionError:
                pass
        return True


class Place:
    """A listening LineSessions."""

    def __init__(self, path: str, settings: Settings, times: LineTimes = TIMES) -> None:
        self.path = path
        self.tools = Tools()
        self.left = 0
        self.sessions = LineSessions(
            self.tools.server, settings, lambda: {"version": __version__}, self._leave, times=times
        )
        self._talks: list[Talk] = []

    def _leave(self) -> None:
        self.left += 1

    async def connect(self, *said: Any) -> Talk:
        """Connect, and say something."""
        talk = Talk(*await asyncio.open_unix_connection(self.path, limit=2**25))
        self._talks.append(talk)
        await talk.send(*said)
        return talk

    async def bridge(self, *, initialized: bool = True, **identity: str) -> Talk:
        """Connect as a bridge whose client has shaken hands."""
        about = {"version": __version__, "pid": 7, **({"identity": identity} if identity else {})}
        talk = await self.connect({"bridge": about})
        user = identity.get("default_user_id", "default")
        assert (await talk.line())["daemon"] == {"version": __version__, "user": user}
        if initialized:
            await talk.send(INITIALIZE)
            assert (await talk.line())["result"]["serverInfo"]["name"] == "test"
            await talk.send(INITIALIZED)
        return talk

    async def end(self) -> None:
        """End everything."""
        for talk in self._talks:
            talk.writer.close()
        await self.sessions.stop()


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a call of a tool."""
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


async def answers(talk: Talk) -> bool:
    """Whether a session still answers."""
    await talk.send(call(900, "echo", text="here"))
    return bool((await talk.line())["result"]["content"][0]["text"] == "here")


async def scope_of_a_call(place: Place, talk: Talk) -> Scope:
    """Return the scope that a call of a session has."""
    assert await answers(talk)
    return place.tools.scopes[-1]
