"""Dispatches requests: one plain ASGI application that checks every request and routes it.

It checks Host and Origin, then the token, then the rate limit. /mcp goes straight to the SDK's session manager, /sse
and /messages/ to its SSE transport, and the rest to FastAPI. It answers /health and /ready itself, so that they never
wait for anything. MCP requests pass through neither FastAPI nor a middleware stack. When clients can sign in
(PUBLIC_URL), the OAuth endpoints need no token, and a refusal says where to get one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import deque
from functools import partial
from typing import Protocol

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs, metrics
from app.access.authenticator import Authenticator, Identity, require
from app.endpoints import FOR_CALLS, HEALTH, MCP, MESSAGES, READY, SSE
from app.errors import MemoryServerError, RateLimited, Unavailable
from app.fair_loop import work_for_stranger, work_for_user
from app.http.bounds import SparseLog
from app.http.guard import ANY_ORIGIN, ANY_ORIGIN_PREFLIGHT, Guard
from app.http.limits import RateLimit
from app.http.reply import CHALLENGE, Header, send_error, send_json
from app.http.state import check_descriptors
from app.serve.large_requests import LargeRequests
from app.serve.oauth import PAGES, RESOURCE_METADATA, is_for_clients, is_open
from app.serve.service import HTTP_BODY_LIMIT_BYTES, Service
from app.serve.sse import SseSessions
from app.settings.function_compute import REQUEST_ID_HEADER
from app.settings.values import Auth

logger = logging.getLogger(__name__)

MCP_METHODS = {MCP: "POST", SSE: "GET", MESSAGES: "POST"}
OPEN_PATHS = frozenset({HEALTH, READY})
COUNTED = frozenset({"/status", "/report", "/test"})  # beside MCP: what costs queries
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class WrongMethod(MemoryServerError):
    """The endpoint accepts another method."""

    code = "wrong_method"
    status = 405

    def __init__(self, got: str, takes: str) -> None:
        self.takes = takes
        super().__init__(f"got {got[:20]}, takes {takes}")


class BodyTooLarge(MemoryServerError):
    """The body is larger than any request needs."""

    code = "body_too_large"
    status = 413


class PathNotFound(MemoryServerError):
    """No such path."""

    code = "not_found"
    status = 404


class McpEndpoint(Protocol):
    """Answers requests to /mcp: the SDK's StreamableHTTPSessionManager."""

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class _Headers:
    """The few headers by which every request is checked, each with all its values."""

    __slots__ = ("authorization", "content_length", "host", "origin", "platform_id", "preflight", "request_id")

    def __init__(self, headers: list[Header]) -> None:
        self.host: list[bytes] = []
        self.origin: list[bytes] = []
        self.authorization: list[bytes] = []
        self.request_id: bytes | None = None
        self.platform_id: bytes | None = None
        self.content_length: bytes | None = None
        self.preflight = False
        for name, value in headers:
            if name == b"host":
                self.host.append(value)
            elif name == b"origin":
                self.origin.append(value)
            elif name == b"authorization":
                self.authorization.append(value)
            elif name == b"content-length":
                self.content_length = value
            elif name == b"x-request-id":
                self.request_id = value if _REQUEST_ID.fullmatch(value) else None
            elif name == REQUEST_ID_HEADER:
                self.platform_id = value if _REQUEST_ID.fullmatch(value) else None
            elif name == b"access-control-request-method":
                self.preflight = True


class Dispatcher:
    """The ASGI application uvicorn runs.

    metrics_port: the port that serves only /metrics, /health and /ready, without tokens.
    """

    refusal_s = 1.0  # before a 429: whoever calls again at once would keep the event loop busy with refusals

    def __init__(
        self,
        service: Service,
        guard: Guard,
        authenticator: Authenticator,
        limit: RateLimit,
        mcp: McpEndpoint | None = None,
        sse: SseSessions | None = None,
        metrics_port: int | None = None,
    ) -> None:
        self._service, self._guard, self._authenticator, self._limit = service, guard, authenticator, limit
        self._mcp, self._sse, self._metrics_port = mcp, sse, metrics_port
        self._metrics_guard = guard.for_metrics(service.settings)
        self._public_url = service.settings.public_url if service.full else None
        self.refusals = SparseLog(logger)
        self._large = LargeRequests()
        self._http: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()

    def set_http(self, app: ASGIApp) -> None:
        """Set the FastAPI application, which is imported after the port is open; requests wait for it."""
        if not self._http.done():
            self._http.set_result(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        work_for_stranger()
        headers = _Headers(scope["headers"])
        # The platform's own first: its logs and consoles name a request by it.
        request_id = (headers.platform_id or headers.request_id or secrets.token_hex(8).encode()).decode()
        logs.request_id.set(request_id)
        cors = self._cors_headers(scope["path"], headers)
        answer = _Answer(send, [(b"x-request-id", request_id.encode()), *cors], self._service)
        rpc = scope["path"] in MCP_METHODS or scope["path"] == f"{MCP}/"
        try:
            await self._route(scope, headers, receive, answer.send)
        except MemoryServerError as error:
            if error.status not in (404, 405):  # clients try GET /mcp to see whether it has a stream
                self.refusals.warn(f"{scope['method']} {scope['path']} refused: {error}", error.code)
            if not answer.started:
                if isinstance(error, RateLimited):
                    await asyncio.sleep(self.refusal_s)
                await self._refuse(answer.send, error, scope["path"], headers, rpc=rpc)
        except asyncio.CancelledError:
            # Only the shutdown cancels requests, after waiting for them; the client learns that it may try again.
            if not self._service.stopping:
                raise
            if not answer.started:
                await send_error(answer.send, Unavailable("the server is stopping; try again"), rpc=rpc)
        except ClientDisconnect:
            logger.debug("%s %s: the client left before its request was whole", scope["method"], scope["path"])
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if answer.started:
                raise
            failure = MemoryServerError("internal error; the server has logged it under this request's id")
            await send_error(answer.send, failure, rpc=rpc)

    def _cors_headers(self, path: str, headers: _Headers) -> list[Header]:
        """Return the headers that let web pages of other origins read the answer, even a refusal."""
        if self._public_url is not None:
            if is_for_clients(path):
                return ANY_ORIGIN
            if is_open(path) or path in PAGES:
                return []  # for people, who are redirected there; no other page needs to read them
        return self._guard.cors_headers(headers.origin)

    async def _refuse(self, send: Send, error: MemoryServerError, path: str, headers: _Headers, *, rpc: bool) -> None:
        if isinstance(error, WrongMethod):
            body = {"error": {"code": error.code, "message": str(error)}}
            await send_json(send, error.status, body, [(b"allow", error.takes.encode())])
        else:
            await send_error(send, error, rpc=rpc, challenge=self._challenge(path, headers))

    def _challenge(self, path: str, headers: _Headers) -> bytes:
        """Return the value of WWW-Authenticate: where a client learns how to sign in (RFC 9728), if it can."""
        if self._public_url is None:
            return CHALLENGE
        resource = SSE if path.startswith((SSE, MESSAGES.rstrip("/"))) else MCP
        problem = ', error="invalid_token"' if headers.authorization else ""
        metadata = f'resource_metadata="{self._public_url}{RESOURCE_METADATA}{resource}", scope="read write"'
        return CHALLENGE + f"{problem}, {metadata}".encode()

    async def _route(self, scope: Scope, headers: _Headers, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in OPEN_PATHS and method in ("GET", "HEAD"):
            status = 200 if path == HEALTH or self._takes(scope["query_string"]) else 503
            await send_json(send, status, self._service.health(), head=method == "HEAD")
            return
        check_descriptors(scope)
        if self._metrics_port is not None and scope["server"] and scope["server"][1] == self._metrics_port:
            if path != "/metrics":
                raise PathNotFound("this port has only /metrics, /health and /ready")
            self._metrics_guard.check(headers.host, headers.origin)
            await (await self._http)(scope, receive, send)
            return
        if self._public_url is not None and is_open(path):
            self._guard.check(headers.host, [])
            if method == "OPTIONS" and headers.preflight and is_for_clients(path):
                await send_json(send, 204, None, ANY_ORIGIN_PREFLIGHT)
            else:
                await self._pass_on(scope, headers, receive, send)
            return
        self._guard.check(headers.host, headers.origin)
        if method == "OPTIONS" and headers.preflight:
            allowed = self._guard.preflight_headers(headers.origin)
            await send_json(send, 204 if allowed else 403, None, allowed)
            return
        if path == MESSAGES.rstrip("/"):
            path = MESSAGES
        elif path in (f"{MCP}/", f"{SSE}/"):  # gateways and clients add a slash
            path = path.rstrip("/")
        if path in MCP_METHODS and self._mcp is not None and self._sse is not None:
            await self._to_mcp(path, scope, headers, receive, send)
            return
        if self._public_url is not None and path in PAGES:
            await self._pass_on(scope, headers, receive, send)
            return
        await self._to_http(path, scope, headers, receive, send)

    def _takes(self, asked: bytes) -> bool:
        return self._service.takes_calls() if asked == FOR_CALLS.encode() else self._service.is_ready()

    async def _to_mcp(self, path: str, scope: Scope, headers: _Headers, receive: Receive, send: Send) -> None:
        assert self._mcp is not None
        assert self._sse is not None
        opens_sse = path == SSE and scope["method"] == MCP_METHODS[SSE]
        if opens_sse and self._service.starting and self._authenticator.check_form(headers.authorization) is not None:
            await self._sse.open_early(scope, receive, send, partial(self._identify_counted, scope, headers))
            return
        identity = await self._identify(scope, headers)  # first: clients also GET /mcp to learn how to sign in
        if scope["method"] != MCP_METHODS[path]:
            # /mcp is stateless: it has no stream to GET and no session to DELETE
            raise WrongMethod(scope["method"], MCP_METHODS[path])
        if path == SSE and self._service.stopping:
            raise Unavailable("the server is stopping; connect again")
        await self._count_request(identity)
        if path == SSE:
            await self._sse.open(scope, receive, send)
            return
        if path == MCP:
            scope["state"]["count_request"] = partial(self._count_request, identity)  # for the others of a batch
            await self._large.run(
                identity.limited_as, headers.content_length, self._mcp.handle_request, scope, receive, send
            )
        else:
            await self._sse.post(scope, receive, send)

    async def _to_http(self, path: str, scope: Scope, headers: _Headers, receive: Receive, send: Send) -> None:
        if path == "/metrics" and self._metrics_port is not None:
            raise PathNotFound("/metrics is served at METRICS_PORT")
        settings = self._service.settings
        if path == "/metrics" and settings.on_loopback and settings.auth is not Auth.REQUIRED:
            pass
        elif path not in OPEN_PATHS:
            identity = await self._identify(scope, headers)
            if path in ("/metrics", "/report"):
                require(identity, "admin")
            if path in COUNTED:
                await self._count_request(identity)
        await self._pass_on(scope, headers, receive, send)

    async def _pass_on(self, scope: Scope, headers: _Headers, receive: Receive, send: Send) -> None:
        if scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            receive = _bounded(headers, receive)
            if not (is_open(scope["path"]) or scope["path"] in PAGES):  # those count by address before they read
                receive = await _whole(receive)
        await (await self._http)(scope, receive, send)

    async def _identify(self, scope: Scope, headers: _Headers) -> Identity:
        identity = await self._authenticator.identify(headers.authorization)
        scope.setdefault("state", {})["scope"] = identity.scope
        if identity.sdk_user is not None:
            scope["user"] = identity.sdk_user
        logs.user.set(identity.scope.user)
        work_for_user(identity.limited_as)
        return identity

    async def _identify_counted(self, scope: Scope, headers: _Headers) -> None:
        await self._count_request(await self._identify(scope, headers))

    async def _count_request(self, identity: Identity) -> None:
        wait_s = await self._limit.take(identity.limited_as)
        if wait_s:
            self._service.metrics.count(metrics.RATE_LIMITED)
            raise RateLimited(self._service.settings.requests_per_minute, wait_s)


class _Answer:
    """Adds headers to any answer, and knows whether it has started."""

    __slots__ = ("_headers", "_send", "_service", "started")

    def __init__(self, send: Send, headers: list[Header], service: Service) -> None:
        self._send, self._headers, self._service = send, headers, service
        self.started = False

    async def send(self, message: Message) -> None:
        if not self.started:
            self.started = True
            if self._service.stopping:  # so that the client's next request reaches another replica
                self._headers.append((b"connection", b"close"))
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        await self._send(message)


def _bounded(headers: _Headers, receive: Receive) -> Receive:
    """Return a `receive` for a body of limited size. It raises BodyTooLarge, as this does for a declared length."""
    too_large = BodyTooLarge(f"the body is over {HTTP_BODY_LIMIT_BYTES:,} bytes")
    if headers.content_length is not None and headers.content_length.isdigit():  # noqa: SIM102
        if int(headers.content_length[:20]) > HTTP_BODY_LIMIT_BYTES:
            raise too_large
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > HTTP_BODY_LIMIT_BYTES:
            raise too_large
        return message

    return counted


async def _whole(receive: Receive) -> Receive:
    """Read a whole body, and return a `receive` that replays it: FastAPI would answer 400 to what `receive` raises."""
    messages: deque[Message] = deque()
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body", False):
            break

    async def replay() -> Message:
        return messages.popleft() if messages else await receive()

    return replay
