"""The transports to MCP: all lead to one server, and end together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mcp.server.lowlevel import Server

from app.serve.mcp.as_sent import arguments_as_sent
from app.serve.mcp_transports import McpTransports
from app.settings.fields import Settings


def transports(mcp: Server[Any]) -> McpTransports:
    async def rebuild() -> None:
        """Nothing to make anew."""

    runtime: Any = SimpleNamespace(settings=Settings(_env_file=None), rebuild_index=rebuild)
    return McpTransports(mcp, runtime, dict, lambda: None)


async def test_every_call_is_counted_and_nothing_else_stands_before_it() -> None:
    mcp: Server[Any] = Server("test")
    opened = transports(mcp)

    assert mcp.middleware == [opened.calls, arguments_as_sent]


async def test_they_open_without_sessions_and_finish_without_waiting() -> None:
    opened = transports(Server("test"))
    async with opened.open():
        assert opened.sessions() == 0
        await opened.finish(10)
