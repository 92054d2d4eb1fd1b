"""Calls over MCP as any client makes them: the answers, and the reasons for none."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.server.lowlevel import Server

from app.clients.conversation import NoConversation, ToolRefused, converse
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server


@contextlib.asynccontextmanager
async def session_with(server: Server[Any]) -> AsyncIterator[Any]:
    """Connect in process, as far as a conversation goes."""
    async with Client(server) as client:

        class Connected:
            async def initialize(self) -> Any:
                return type("Hello", (), {"server_info": client.server_info, "protocol_version": "2025-11-25"})

            def __getattr__(self, name: str) -> Any:
                return getattr(client, name)

        yield Connected()


async def test_one_of_ours_tells_everything(runtime: Runtime) -> None:
    told = await converse(session_with(build_server(runtime)))

    assert told.tools == 9
    assert {"postgres", "index"} <= told.health["components"].keys()
    assert (told.degraded, told.search_refused) == (False, "")


async def test_another_server_is_told_apart() -> None:
    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema={"type": "object"})])

    with pytest.raises(ToolRefused, match="another has no tool memory_health: it is another MCP server"):
        await converse(session_with(Server("another", version="1", on_list_tools=list_tools)))


async def test_what_refuses_to_search_has_told_the_rest(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.serve.mcp import server

    async def call(runtime: Runtime, scope: Any, name: str, arguments: Any) -> dict[str, Any]:
        if name == "search_memory":
            return server._tool_error("not_permitted: the token lacks read")
        return await real(runtime, scope, name, arguments)

    real = server.call
    monkeypatch.setattr(server, "call", call)

    told = await converse(session_with(build_server(runtime)))

    assert told.degraded is None
    assert told.search_refused == "search_memory: not_permitted: the token lacks read"


@contextlib.asynccontextmanager
async def failing(error: BaseException) -> AsyncIterator[Any]:
    raise error
    yield


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("no route"), "no route"),
        (ExceptionGroup("a", [ExceptionGroup("b", [OSError("deep\nwithin")])]), "deep within"),
        (ValueError(), "ValueError"),
        (OSError("x. For more information check: https://example"), "x."),
    ],
)
async def test_whatever_the_sdk_meets_becomes_one_line_with_the_last_status(error: BaseException, says: str) -> None:
    with pytest.raises(NoConversation) as none:
        await converse(failing(error), lambda: 502)

    assert (str(none.value), none.value.http_status) == (says, 502)


async def test_a_server_that_says_nothing_is_left_in_time() -> None:
    @contextlib.asynccontextmanager
    async def silent() -> AsyncIterator[Any]:
        import asyncio

        await asyncio.Event().wait()
        yield

    with pytest.raises(NoConversation, match="no answer within 0 s"):
        await converse(silent(), timeout_s=0.01)
