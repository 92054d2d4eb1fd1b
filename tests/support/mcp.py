"""A runtime on the test's database, and the SDK's client on its MCP server, in process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import jsonschema
from mcp import Client
from mcp_types import ContentBlock, TextContent

from app.memory.types import Scope
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server
from app.serve.mcp.replies import compact
from app.serve.mcp.tools import definitions
from app.serve.mcp_transports import McpTransports
from app.settings.fields import Settings

SCHEMAS = {tool.name: tool.output_schema or {} for tool in definitions()}


@asynccontextmanager
async def running(settings: Settings, connect_arguments: Mapping[str, Any]) -> AsyncIterator[Runtime]:
    """Run everything behind HTTP on a database that outlives it."""
    server: Any = SimpleNamespace(
        connect_args=connect_arguments,
        stop=lambda: None,
        failure=None,
        refusal=lambda writes: None,
        shortage=lambda: None,
    )
    runtime = Runtime(settings, postgres=server)
    try:
        await runtime.start()
        yield runtime
    finally:
        await runtime.stop()


def text_of(contents: Sequence[ContentBlock]) -> str:
    """Return the text of the only content."""
    [content] = contents
    assert isinstance(content, TextContent)
    return content.text


async def call(runtime: Runtime, tool: str, **arguments: Any) -> Any:
    """Call a tool that must succeed; return its structured result, checked against its schema and its text."""
    async with Client(build_server(runtime)) as client:
        result = await client.call_tool(tool, arguments)
    text = text_of(result.content)
    assert not result.is_error, text
    jsonschema.validate(result.structured_content, SCHEMAS[tool])
    assert json.loads(text) == result.structured_content
    assert text == compact(result.structured_content)
    return result.structured_content


async def refusal(runtime: Runtime, tool: str, **arguments: Any) -> str:
    """Call a tool that must not succeed; return what it says."""
    async with Client(build_server(runtime)) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert result.structured_content is None
    return text_of(result.content)


@asynccontextmanager
async def over_http(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a runtime's /mcp in process, without what the dispatcher checks; the caller is the default user."""
    transports = McpTransports(build_server(runtime), runtime, dict, lambda: None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"scope": Scope(runtime.settings.default_user_id)}
        await transports.endpoint.handle_request(scope, receive, send)

    async with (
        transports.open(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http,
    ):
        yield http


async def asked(runtime: Runtime, method: str, params: Mapping[str, Any]) -> Any:
    """Make a request as JSON, whatever the SDK's client would make of it; return its result, or its error."""
    async with over_http(runtime) as http:
        answer = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    body = answer.json()
    return body["result"] if "result" in body else body["error"]
