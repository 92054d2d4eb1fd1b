"""The MCP side of a server: answers everything, and shows what reached it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from app.http.reply import send_json


class StandInMcp:
    """Takes the place of the SDK's session manager, and tells what reached it."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.error: Exception | None = None

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note a request and answer it."""
        self.scopes.append(scope)
        if self.error is not None:
            raise self.error
        await send_json(send, 200, {"result": True})


class StandInSse:
    """Takes the place of the SSE sessions."""

    async def open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a session."""
        await send_json(send, 200, {"stream": True})

    async def open_early(
        self, scope: Scope, receive: Receive, send: Send, identify: Callable[[], Awaitable[object]]
    ) -> None:
        """Open a session whose caller is not known yet."""
        await send_json(send, 200, {"early": True})

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a message."""
        await send_json(send, 202, {})
