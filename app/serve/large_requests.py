"""Runs requests with large bodies a few at a time, in turn over users.

Parsed, a body takes ten times its bytes until its call is answered, and long texts are stored one at a time anyway. So
a request with a large one waits as bytes, within the bound of all bodies, and is parsed when it has a turn.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from app.errors import Unavailable
from app.serve.service import MCP_BODY_LIMIT_BYTES
from app.turns import Turns

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGE_BYTES = 256 * 1024
AT_ONCE, OF_A_USER = 4, 1
WAITING = 10  # of a user
TURN_TIMEOUT_S = 60.0  # clients wait about this long


class LargeRequests:
    """Those of one server."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE, OF_A_USER)

    async def run(
        self, user: str, declared: bytes | None, application: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run an application; declared: Content-Length. Raises Unavailable when its turn does not come."""
        if declared is not None and declared.isdigit() and int(declared[:20]) < LARGE_BYTES:
            await application(scope, receive, send)
            return
        size, replay = await _ahead(receive)
        if size < LARGE_BYTES:
            await application(scope, replay, send)
            return
        if self._turns.waiting(user) >= WAITING:
            raise Unavailable(f"{WAITING} large requests of this user wait already; send fewer at a time")
        try:
            await self._turns.take(user, TURN_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable(f"other large requests took {TURN_TIMEOUT_S:g} s; nothing was done, try again") from None
        try:
            await application(scope, replay, send)
        finally:
            self._turns.give_back(user)


async def _ahead(receive: Receive) -> tuple[int, Receive]:
    """Read a body, as far as one may be; return how many bytes came, and a `receive` that begins with them."""
    read: deque[Message] = deque()
    size, more = 0, True
    while more and size <= MCP_BODY_LIMIT_BYTES:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)

    async def replay() -> Message:
        return read.popleft() if read else await receive()

    return size, replay
