"""Half of a surrogate pair in a call: the tool says which argument holds it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.memory import types
from app.runtime.runtime import Runtime
from app.serve.mcp.surrogates import LoneSurrogates
from tests.standins.mcp import StandInMcp


class Door:
    """The endpoint with a scope, as the dispatcher makes it."""

    def __init__(self, runtime: Runtime) -> None:
        self.endpoint = StandInMcp()
        self._guarded = LoneSurrogates(self.endpoint, runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"scope": types.Scope("ann")}
        await self._guarded.handle_request(scope, receive, send)

    async def post(self, body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url="http://x") as http:
            return await http.post("/mcp", content=body, headers={"content-type": "application/json"})


def called(tool: str, arguments: str) -> bytes:
    params = f'{{"name": "{tool}", "arguments": {arguments}}}'
    return f'{{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {params}}}'.encode()


@pytest.mark.parametrize("arguments", ['{"text": "a\\ud800b"}', '{"text": "a\\uDFFF"}', '{"text": "a", "x\\ud83d": 1}'])
async def test_a_call_with_one_is_answered_by_the_tool(runtime: Runtime, arguments: str) -> None:
    door = Door(runtime)

    answer = (await door.post(called("memorize", arguments))).json()

    assert answer["id"] == 7
    assert answer["result"]["isError"]
    assert answer["result"]["content"][0]["text"].startswith("invalid_input: ")
    assert "resultType" not in answer["result"]
    assert door.endpoint.scopes == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(called("memorize", '{"text": "fine"}'), id="an ordinary call"),
        pytest.param(called("memorize", r'{"text": "\ud83d\ude00"}'), id="a whole pair"),
        pytest.param(called("memorize", r'{"text": "the escape \\ud800 in words"}'), id="an escaped backslash"),
        pytest.param(rb'{"method": "initialize", "params": "\ud800"}', id="no call"),
        pytest.param(rb'["\ud800"]', id="no object"),
        pytest.param(rb"nonsense \ud800", id="no JSON"),
        pytest.param(rb'{"method": "tools/call", "params": {"name": "\ud800"}}', id="in the name of the tool"),
    ],
)
async def test_all_else_reaches_the_sdk_whole(runtime: Runtime, body: bytes) -> None:
    door = Door(runtime)

    assert (await door.post(body)).json() == {"result": True}
    assert len(door.endpoint.scopes) == 1


async def test_what_was_read_is_given_to_the_sdk_again(runtime: Runtime) -> None:
    seen: list[Any] = []

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    door = Door(runtime)
    door.endpoint.handle_request = read  # type: ignore[method-assign]
    body = called("memorize", '{"text": "fine"}')

    await door.post(body)

    assert seen[0]["body"] == body
