"""Speaks MCP as any client does, over a bridge or to a URL: initialize, tools/list, memory_health, search_memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.clients.entry import this_command
from app.endpoints import SSE
from app.errors import Unavailable, first_of

if TYPE_CHECKING:
    from mcp import ClientSession
    from pydantic import SecretStr

# The report says what went wrong; people who run `doctor` need no tracebacks of the SDK.
logging.getLogger("mcp").addHandler(logging.NullHandler())

CALL_TIMEOUT_S = 30.0  # as long as a call waits for a server that is starting

Session = AbstractAsyncContextManager["ClientSession"]


class NoConversation(Unavailable):
    """A server did not answer as ours does. http_status: of its last answer; None when there was none."""

    def __init__(self, message: str, http_status: int | None = None) -> None:
        self.http_status = http_status
        super().__init__(message)


class ToolRefused(NoConversation):
    """An MCP server answered, but it has no such tool, or does not allow the call."""


@dataclass(frozen=True, slots=True)
class ServerAnswers:
    """What a server answered. degraded: whether a part was missing from its search; None when it refused to search.

    reason: why it was, where that is not the index.
    """

    server: str
    protocol: str
    tools: int
    health: dict[str, Any]
    degraded: bool | None
    search_refused: str
    reason: str | None = None


async def converse(
    session: Session, http_status: Callable[[], int | None] = lambda: None, timeout_s: float = CALL_TIMEOUT_S
) -> ServerAnswers:
    """Make all calls and return the answers. Raises NoConversation, also after `timeout_s`."""
    reason: str
    try:
        async with asyncio.timeout(timeout_s), session as client:
            return await _talk(client)
    except TimeoutError:
        reason = f"no answer within {timeout_s:.0f} s"
    except Exception as error:  # noqa: BLE001  the SDK passes on any error of its transports
        first = first_of(error)
        if isinstance(first, ToolRefused):
            raise first from None
        reason = str(first).partition("For more information check")[0].strip() or type(first).__name__
    raise NoConversation(" ".join(reason.split())[:300], http_status())


async def _talk(client: ClientSession) -> ServerAnswers:
    hello = await client.initialize()
    names = {tool.name for tool in (await client.list_tools()).tools}
    if "memory_health" not in names:
        raise ToolRefused(f"{hello.server_info.name} has no tool memory_health: it is another MCP server")
    health = await _result(client, "memory_health", {"detailed": True})
    parts = health.get("components")
    if not isinstance(parts, dict) or not all(isinstance(part, dict) and "status" in part for part in parts.values()):
        raise ToolRefused(f"memory_health of {hello.server_info.name} has no components: it is another MCP server")
    degraded, refused, why = None, "", None
    try:
        found = await _result(client, "search_memory", {"query": "doctor", "limit": 1})
        degraded, why = bool(found.get("degraded")), found.get("reason")
    except ToolRefused as error:  # a token may not allow it; the other answers are still worth reporting
        refused = str(error)
    server = f"{hello.server_info.name} {hello.server_info.version}"
    return ServerAnswers(server, str(hello.protocol_version), len(names), health, degraded, refused, why)


async def _result(client: ClientSession, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error or not isinstance(result.structured_content, dict):
        reason = " ".join(getattr(content, "text", "") for content in result.content)
        raise ToolRefused(f"{tool}: {reason}")
    return result.structured_content


@contextlib.asynccontextmanager
async def over_bridge(data_dir: Path) -> AsyncIterator[ClientSession]:
    """Start `claude-memory stdio` as clients do, yield its session, and end it."""
    from mcp import ClientSession
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command = this_command()
    bridge = StdioServerParameters(
        command=command.program,
        args=[*command.arguments, "stdio", "--data-dir", os.fspath(data_dir)],
        env={**os.environ, **command.environment},
        cwd=data_dir,
    )
    with open(os.devnull, "w") as nothing:  # noqa: PTH123, ASYNC230  the answers say the same as stderr
        async with stdio_client(bridge, errlog=nothing) as streams, ClientSession(*streams) as session:
            yield session


class OverHttp:
    """A connection to a server at a URL that ends in /mcp (streamable HTTP) or /sse.

    status: of the last HTTP answer; None before there is one.
    """

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token is not None else {}
        self.status: int | None = None

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[ClientSession]:
        """Connect."""
        from mcp import ClientSession
        from mcp.client.sse import sse_client
        from mcp.client.streamable_http import streamable_http_client

        if self._url.endswith(SSE):
            async with (
                sse_client(self._url, self._headers, httpx_client_factory=self._client) as streams,
                ClientSession(*streams) as session,
            ):
                yield session
            return
        async with (
            self._client(self._headers) as http,
            streamable_http_client(self._url, http_client=http) as streams,
            ClientSession(*streams) as session,
        ):
            yield session

    def _client(self, headers: dict[str, str] | None = None, timeout: Any = None, auth: Any = None) -> Any:
        """Return an HTTP client for the SDK that notes the status of each answer: the SDK's errors do not name it."""
        import httpx2

        hooks = {"response": [self._note]}
        return httpx2.AsyncClient(headers=headers, timeout=timeout or CALL_TIMEOUT_S, auth=auth, event_hooks=hooks)

    async def _note(self, response: Any) -> None:
        self.status = response.status_code
