"""Answers made outside FastAPI: JSON, and errors in the form of the endpoint (HTTP or JSON-RPC)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.types import Send

from app.errors import MemoryServerError, RateLimited

Header = tuple[bytes, bytes]

CHALLENGE = b'Bearer realm="claude-memory"'
JSON_RPC_SERVER_ERROR = -32_000  # the range JSON-RPC leaves to servers


def error_body(error: MemoryServerError) -> dict[str, Any]:
    """Return the one form errors have over HTTP."""
    return {"error": {"code": error.code, "message": str(error)}}


def rpc_error_body(error: MemoryServerError) -> dict[str, Any]:
    """Return an error as JSON-RPC has it, for MCP endpoints; no request was read, so it has no id."""
    return {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": JSON_RPC_SERVER_ERROR, "message": str(error), "data": {"code": error.code}},
    }


def error_headers(error: MemoryServerError, challenge: bytes = CHALLENGE) -> list[Header]:
    """Return the headers HTTP wants beside some statuses; `challenge` tells who may not pass how to sign in."""
    if error.status == 401:
        return [(b"www-authenticate", challenge)]
    if isinstance(error, RateLimited):
        return [(b"retry-after", str(max(1, round(error.retry_after_s + 0.5))).encode())]
    if error.status == 503:
        return [(b"retry-after", b"1")]
    return []


async def send_error(send: Send, error: MemoryServerError, *, rpc: bool, challenge: bytes = CHALLENGE) -> None:
    """Answer with an error."""
    body = rpc_error_body(error) if rpc else error_body(error)
    await send_json(send, error.status, body, error_headers(error, challenge))


async def send_json(
    send: Send, status: int, body: dict[str, Any] | None, headers: Sequence[Header] = (), *, head: bool = False
) -> None:
    """Answer with JSON, or with nothing when `body` is None; `head` leaves the body out but tells its length."""
    content = b"" if body is None else json.dumps(body).encode()
    kind = [] if body is None else [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    length = [] if status == 204 else [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *length, *headers]})
    await send({"type": "http.response.body", "body": b"" if head else content})
