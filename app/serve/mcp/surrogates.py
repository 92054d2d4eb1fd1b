"""Answers tool calls whose JSON holds half of a surrogate pair, which is not valid text.

The SDK's parser for the handshake protocols rejects the whole message, so the caller would learn neither which
argument is invalid nor that the server works.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from starlette.types import Message, Receive, Scope, Send

from app.http.reply import send_json
from app.serve.mcp.server import call

if TYPE_CHECKING:
    from app.runtime.runtime import Runtime

_MAYBE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")


class Endpoint(Protocol):
    """Answers requests to /mcp."""

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class LoneSurrogates:
    """Wraps the SDK's endpoint and answers the calls that the SDK cannot parse.

    A request's whole body has to be in the first message that it receives.
    """

    def __init__(self, endpoint: Endpoint, runtime: Runtime) -> None:
        self._endpoint, self._runtime = endpoint, runtime

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is a tool call with a lone surrogate."""
        pending: Message | None = await receive()
        body = pending.get("body", b"") if pending is not None else b""
        if _MAYBE.search(body) and (params := _torn_call(body)) is not None:
            await send_json(send, 200, await self._answer(scope, *params))
            return

        async def replay() -> Message:
            nonlocal pending
            message, pending = pending, None
            return message if message is not None else await receive()

        await self._endpoint.handle_request(scope, replay, send)

    async def _answer(self, scope: Scope, request_id: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await call(self._runtime, scope["state"]["scope"], name, arguments)
        result.pop("resultType", None)  # the handshake protocols do not have it
        return {"jsonrpc": "2.0", "id": request_id, "result": result}


def _torn_call(body: bytes) -> tuple[Any, str, dict[str, Any]] | None:
    """Return (id, tool, arguments) of a tool call that holds a lone surrogate, None for anything else."""
    try:
        request = json.loads(body)
        if request["method"] != "tools/call" or not _LONE.search(json.dumps(request, ensure_ascii=False)):
            return None
        name, arguments = request["params"]["name"], request["params"].get("arguments") or {}
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None  # not a call: the SDK says what is wrong with it
    is_callable = isinstance(name, str) and not _LONE.search(name) and isinstance(arguments, dict)
    return (request.get("id"), name, arguments) if is_callable else None
