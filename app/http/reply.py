"""Sends answers outside FastAPI: JSON, and errors in the endpoint's form (HTTP or JSON-RPC)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.types import Send

from app.errors import MemoryServerError, RateLimited, error_body, rpc_error_body

Header = tuple[bytes, bytes]

CHALLENGE = b'Bearer realm="claude-memory"'


def error_headers(error: MemoryServerError, challenge: bytes = CHALLENGE) -> list[Header]:
    """Return the headers HTTP requires with some statuses; `challenge` says how to sign in."""
    if error.status == 401:
        return [(b"www-authenticate", challenge)]
    if isinstance(error, RateLimited):
        return [(b"retry-after", str(max(1, round(error.retry_after_s + 0.5))).encode())]
    if error.status in (429, 503):
        return [(b"retry-after", b"1")]
    return []


async def send_error(send: Send, error: MemoryServerError, *, rpc: bool, challenge: bytes = CHALLENGE) -> None:
    """Answer with an error."""
    body = rpc_error_body(error) if rpc else error_body(error)
    await send_json(send, error.status, body, error_headers(error, challenge))


async def send_json(
    send: Send,
    status: int,
    body: dict[str, Any] | list[Any] | None,
    headers: Sequence[Header] = (),
    *,
    head: bool = False,
) -> None:
    """Answer with JSON, or with no content when `body` is None; `head` leaves the body out but gives its length."""
    content = b"" if body is None else json.dumps(body).encode()
    content_type = [] if body is None else [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    length = [] if status == 204 else [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*content_type, *length, *headers]})
    await send({"type": "http.response.body", "body": b"" if head else content})
