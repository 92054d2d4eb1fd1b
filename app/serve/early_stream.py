"""Begins the response of an SSE session before its caller is known, while the database is still being opened.

A gateway takes the session's id from the first event and cuts a stream that is silent for long. So that event, the
address for messages, is sent at once under an id of our own; the SDK's session then continues the same response. The
session itself begins only when the caller's token has been checked, and so does every message to it.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote
from uuid import uuid4

from starlette.types import Message, Scope, Send

from app.endpoints import MESSAGES

SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")
# The SDK's own headers; a test compares them.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
)


class EarlyStream:
    """The response of one session.

    id: in the address that the client was sent. session: the SDK's id of the session, once there is one; the same as
    `id`, which the SDK does not know, if there never is.
    """

    def __init__(self, send: Send) -> None:
        self.id = uuid4().hex
        self.session: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._send = send

    async def begin(self, scope: Scope) -> None:
        """Send the headers and the address for messages."""
        await self._send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        path = quote(scope.get("root_path", "").rstrip("/") + MESSAGES)
        event = f"event: endpoint\r\ndata: {path}?session_id={self.id}\r\n\r\n"
        await self._send({"type": "http.response.body", "body": event.encode(), "more_body": True})

    async def send(self, message: Message) -> None:
        """Send what the SDK's session says, without the beginning, which was sent already."""
        if message["type"] == "http.response.start":
            return
        if not self.session.done() and (found := SESSION_ID.search(message.get("body", b""))):
            self.session.set_result(found[1].decode())
            return
        await self._send(message)

    async def keep_alive(self, every_s: float) -> None:
        """Send a comment from time to time, for ever: proxies cut a silent response."""
        while True:
            await asyncio.sleep(every_s)
            await self._send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})

    async def end(self, last: bytes = b"") -> None:
        """End the response without a session. last: what it says at the end."""
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    def close(self) -> None:
        """Let messages that wait for a session go on without one; idempotent."""
        if not self.session.done():
            self.session.set_result(self.id)
