"""Serves /health, /ready and /metrics of a process that answers no calls, for probes and for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from app.http.reply import send_json
from app.http.uvicorn_server import Uvicorn, config
from app.process.listening import BACKLOG, bind, cannot_listen

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def observed(
    host: str, port: int, health: Callable[[], dict[str, Any]], is_ready: Callable[[], bool], text: Callable[[], bytes]
) -> AsyncIterator[int]:
    """Serve while the block runs; yield the port. text: returns the body of /metrics. Raises CannotListen."""
    try:
        listener = bind(host, port)
    except OSError as error:
        raise cannot_listen(host, port, error) from error
    listener.listen(BACKLOG)
    server = Uvicorn(config(_application(health, is_ready, text)))
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="observation")
    try:
        port = _port(listener)
        logger.info("health and metrics on port %d", port)
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving
        listener.close()


def _application(health: Callable[[], dict[str, Any]], is_ready: Callable[[], bool], text: Callable[[], bytes]) -> Any:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path, head = scope["path"], scope["method"] == "HEAD"
        if scope["method"] not in ("GET", "HEAD"):
            await send_json(send, 405, {"error": {"code": "wrong_method", "message": "takes GET"}})
        elif path in ("/health", "/ready"):
            await send_json(send, 200 if path == "/health" or is_ready() else 503, health(), head=head)
        elif path == "/metrics":
            body = text()
            headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
            headers.append((b"content-length", str(len(body)).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if head else body})
        else:
            error = {"code": "not_found", "message": "this port has only /health, /ready and /metrics"}
            await send_json(send, 404, {"error": error}, head=head)

    return application


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
