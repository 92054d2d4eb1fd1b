"""Serves the alert receiver's HTTP: POST /webhook, GET /health, /metrics, /alerts.

With ALERTS_TOKEN set, all but /health require it: `Authorization: Bearer TOKEN`, or Basic with any user name, which
browsers support. Without a token, Host and Origin must be names of this machine, so no web page a user visits gets
through.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app import __version__
from app.alerts.delivery import Delivery
from app.alerts.notification import read_notification
from app.alerts.outbox import Outbox
from app.alerts.page import HEADERS, alerts_page
from app.alerts.receiver import Receiver
from app.errors import MemoryServerError, NotAuthenticated, Unavailable, error_body
from app.http.guard import Guard
from app.http.state import check_descriptors
from app.measuring import METRICS
from app.metrics import ALERTS_QUEUE_AGE, ALERTS_QUEUE_LENGTH, UPTIME
from app.process.timeline import Timeline
from app.settings.fields import Settings
from app.settings.values import Auth

BODY_BYTES = 4_194_304  # Alertmanager sends about a kilobyte per alert, and all alerts of a group at once
BODY_S = 10.0
REQUESTS = 50  # in work at once; further ones get 503, and Alertmanager tries again
_CODES = {404: "not_found", 405: "wrong_method"}
Endpoint = Callable[[Request], Awaitable[Response]]


class BodyTooLarge(MemoryServerError):
    """The body has more than BODY_BYTES."""

    code = "body_too_large"
    status = 413


class BodyTooSlow(MemoryServerError):
    """The body did not arrive in time, or was cut short."""

    code = "body_too_slow"
    status = 408


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """Decides who may call. `token` None: no token is required, and `guard` checks Host and Origin."""

    token: str | None
    guard: Guard

    @classmethod
    def of(cls, settings: Settings) -> AccessCheck:
        """Read the rules from the settings."""
        secret = settings.alerts_token if settings.auth is not Auth.OFF else None
        own_settings = settings.model_copy(update={"host": settings.alerts_host})
        return cls(secret.get_secret_value() if secret else None, Guard.of(own_settings))

    def check(self, request: Request) -> None:
        """Raise NotAuthenticated, or an error of the guard, unless the request is allowed."""
        if self.token is None:
            headers = request.headers
            self.guard.check(_raw(headers.getlist("host")), _raw(headers.getlist("origin")))
            return
        token = _sent_token(request.headers.getlist("authorization"))
        if not hmac.compare_digest(token, self.token.encode()):
            raise NotAuthenticated("no token or a wrong one; send Authorization: Bearer with ALERTS_TOKEN")


def create_app(
    receiver: Receiver,
    deliveries: Sequence[Delivery],
    outbox: Outbox,
    access: AccessCheck,
    body_s: float = BODY_S,
) -> Starlette:
    """Return the application of a running receiver. body_s: how long a request may take to send its body."""
    timeline = Timeline()

    in_work = _InWork(REQUESTS)

    async def webhook(request: Request) -> Response:
        body = await _body(request, body_s)
        with in_work:
            accepted = await receiver.accept(read_notification(body))
        return JSONResponse({"received": accepted.received, "forwarded": accepted.news})

    async def health(request: Request) -> Response:
        parts = {"log": receiver.trouble} | {delivery.name: delivery.trouble for delivery in deliveries}
        states = {
            name: {"status": "degraded" if trouble else "ok", "detail": trouble} for name, trouble in parts.items()
        }
        status = "degraded" if any(parts.values()) else "ok"
        uptime = round(timeline.uptime_s, 1)
        return JSONResponse({"status": status, "version": __version__, "uptime_seconds": uptime, "components": states})

    async def metrics(request: Request) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        with in_work:
            waiting = await asyncio.to_thread(outbox.waiting)
        for delivery in deliveries:
            length, oldest = waiting.get(delivery.name, (0, 0.0))
            METRICS.set(ALERTS_QUEUE_LENGTH, length, (delivery.name,))
            METRICS.set(ALERTS_QUEUE_AGE, max(0.0, time.time() - oldest) if length else 0.0, (delivery.name,))
        METRICS.set(UPTIME, timeline.uptime_s)
        return Response(await asyncio.to_thread(METRICS.text), media_type=CONTENT_TYPE_LATEST)

    async def alerts(request: Request) -> Response:
        with in_work:
            waiting = await asyncio.to_thread(outbox.waiting)
        targets = {
            delivery.name: {"trouble": delivery.trouble, "waiting": waiting.get(delivery.name, (0,))[0]}
            for delivery in deliveries
        }
        report: dict[str, Any] = {"alerts": list(reversed(receiver.recent)), "targets": targets}
        headers = {"cache-control": "no-store", "vary": "accept"}
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(alerts_page(report), headers=headers | HEADERS)
        return JSONResponse(report, headers=headers)

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            check_descriptors(request.scope)
            access.check(request)
            return await endpoint(request)

        return checked

    return Starlette(
        routes=[
            Route("/webhook", guarded(webhook), methods=["POST"]),
            Route("/health", health),
            Route("/metrics", guarded(metrics)),
            Route("/alerts", guarded(alerts)),
        ],
        exception_handlers={MemoryServerError: _known_error, HTTPException: _http_error},
    )


class _InWork:
    """Requests in work: their bodies have arrived, so a client that sends nothing holds no place."""

    def __init__(self, limit: int) -> None:
        self._limit, self._count = limit, 0

    def __enter__(self) -> None:
        """Take a place. Raises Unavailable."""
        if self._count >= self._limit:
            raise Unavailable(f"{self._limit} requests are in work; try again")
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1


async def _body(request: Request, body_s: float) -> bytes:
    """Return the body. Raises BodyTooLarge and BodyTooSlow."""
    body = b""
    try:
        async with asyncio.timeout(body_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise BodyTooLarge(f"body: over {BODY_BYTES:,} bytes; send fewer alerts in one call (max_alerts)")
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlow(f"body: not complete after {body_s:.0f} s, or cut short; nothing was stored") from None
    return body


def _sent_token(authorization: list[str]) -> bytes:
    """Return the token in an Authorization header, empty when there is none."""
    if len(authorization) != 1:
        return b""
    scheme, _, value = authorization[0].partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    return b""


def _raw(values: list[str]) -> list[bytes]:
    return [value.encode("latin-1") for value in values]


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MemoryServerError)
    response = JSONResponse(error_body(error), error.status)
    if error.status == 503:
        response.headers["retry-after"] = "1"
    if error.status == 401:
        for scheme in ("Bearer", "Basic"):
            response.headers.append("www-authenticate", f'{scheme} realm="claude-memory alerts"')
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    message = (
        f"{request.method} {request.url.path}: {error.detail}; there are POST /webhook, GET /alerts, /health, /metrics"
    )
    return JSONResponse({"error": {"code": code, "message": message}}, error.status_code, error.headers)
