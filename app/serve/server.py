"""Runs the server: takes over the port from `app.process.boot`, starts everything else, and stops it in order.

Order of the start: MCP answers as soon as the SDK is imported; then a thread imports asyncpg, the index engine and
FastAPI. `initialize` and `tools/list` need none of them; calls wait until they are up. When a token is required and
none is known yet, the port opens last.

Bridges (`claude-memory stdio`) connect over the data directory's Unix socket. A daemon is the same server without a
port.

Order of the end, on SIGINT or SIGTERM: for DRAIN_SECONDS a server that was ready reports not ready, and every answer
closes its connection; then it refuses new connections, running calls finish and SSE streams end, all within 8 s; then
the index, the connections and PostgreSQL stop. A second signal skips the waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp.server.lowlevel import Server

from app import logs
from app.access.authenticator import Authenticator
from app.access.tokens import TokenStore
from app.backoff import Backoff
from app.errors import MemoryServerError, StoreRefused, Unavailable, first_of
from app.fair_loop import new_event_loop
from app.http.guard import Guard
from app.http.limits import SharedCounts, rate_limit
from app.http.uvicorn_server import config
from app.measuring import METRICS
from app.process.begun import Boot
from app.process.listening import bind, cannot_listen
from app.process.memory_trim import keep_large_blocks_apart
from app.process.signals import on_stop_signal
from app.runtime.health import health, status_line
from app.runtime.runtime import Runtime, preload
from app.serve.dispatch import Dispatcher
from app.serve.mcp import build_server
from app.serve.mcp_transports import McpTransports
from app.serve.open_port import OpenPortServer
from app.serve.service import Service
from app.serve.token_check import check_tokens, needs_token
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.rules import DAEMON, SERVE
from app.settings.unread import unread_names

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

logger = logging.getLogger(__name__)

RUNNING_CALLS_S = 8.0  # how long a shutdown waits for calls; `docker stop` kills after 10 s
STATUS_EVERY_S = 60.0
IDLE_CHECK_S = 5.0  # how often a daemon checks whether it is still needed
KEEP_ALIVE_S = 75  # longer than the 60 s after which load balancers stop using a connection
TOOL_MODULES = ("app.serve.mcp.tools", "app.serve.mcp.resources")  # the first call needs them
DATABASE_BACKOFF = Backoff(first_s=1.0, longest_s=2.0)  # for a database server that is not up yet
# How long a thread that works on long texts may keep the interpreter when the event loop wants it back: with Python's
# 5 ms, calls wait for that long at every step.
_SWITCH_S = 0.0005
# A full collection looks at everything that calls have in work, and stops all others for up to 100 ms. So there are
# fewer than by default; what a call leaves in cycles is some kilobytes.
_COLLECT = (700, 10, 400)
MakeRuntime = Callable[..., Runtime]
MakeMcp = Callable[[Runtime], Server[Any]]


def run(
    boot: Boot,
    make_runtime: MakeRuntime = Runtime,
    make_mcp: MakeMcp = build_server,
    database_backoff: Backoff = DATABASE_BACKOFF,
) -> int:
    """Serve until a stop signal and return the exit status. Raises MemoryServerError when it cannot."""
    boot.timeline.mark("server imported")
    settings = load_settings(boot.setting_flags, DAEMON if boot.flags.daemon else SERVE)
    logs.setup(settings)
    if line := unread_names():
        logger.warning("%s", line)
    boot.signals.hold()  # until _handle_signals
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(boot, settings, make_runtime, make_mcp, database_backoff))
    return 0


async def _serve(
    boot: Boot, settings: Settings, make_runtime: MakeRuntime, make_mcp: MakeMcp, database_backoff: Backoff
) -> None:
    port = _metrics_port(boot, settings.metrics_port)
    await _Server(boot, settings, make_runtime, make_mcp, port, database_backoff).serve()


class _MetricsPort(NamedTuple):
    """The open port of METRICS_PORT."""

    listener: socket.socket
    number: int


def _metrics_port(boot: Boot, wanted: int | None) -> _MetricsPort | None:
    """Open METRICS_PORT if it is set; a daemon has no ports. Raises CannotListen."""
    if boot.listener is None or wanted is None:
        return None
    try:
        listener = bind(boot.host, wanted)
    except OSError as error:
        raise cannot_listen(boot.host, wanted, error) from error
    port: int = listener.getsockname()[1]
    logger.info("metrics on port %d", port)
    return _MetricsPort(listener, port)


class _Server:
    """One server from its first request to its last."""

    def __init__(
        self,
        boot: Boot,
        settings: Settings,
        make_runtime: MakeRuntime,
        make_mcp: MakeMcp,
        port: _MetricsPort | None,
        database_backoff: Backoff,
    ) -> None:
        """port: the separate port for /metrics, if there is one."""
        self._boot, self._settings, self._port = boot, settings, port
        self._started_at = datetime.now(UTC)
        self._database_backoff = database_backoff
        self._signals = 0
        self._stop_by = math.inf
        self._failure: BaseException | None = None
        self._starting: asyncio.Task[None]
        postgres = boot.postgres
        self._runtime = make_runtime(
            settings,
            postgres,
            postgres.started if postgres is not None else None,
            on_step=self._step,
            started_at=boot.timeline.began,
        )
        full = settings.api_mode == "full"
        self._transports = (
            McpTransports(
                make_mcp(self._runtime),
                self._runtime,
                self._status,
                self._on_signal,
                self._tell_settings,
                lambda: self._uvicorn.server_state.descriptors.for_streams,
            )
            if full
            else None
        )
        self._service = Service(
            settings=settings,
            runtime=self._runtime,
            metrics=METRICS,
            startup_ms=boot.timeline.steps,
            sessions=self._transports.sessions if self._transports is not None else lambda: 0,
            connections=lambda: len(self._uvicorn.server_state.connections),
        )
        self._runtime.observers.append(self._service.called)
        self._dispatcher = Dispatcher(
            self._service,
            Guard.of(settings),
            Authenticator(settings, self._tokens),
            rate_limit(
                settings.requests_per_minute, self._shared_counts if settings.database_url is not None else None
            ),
            self._transports.endpoint if self._transports is not None else None,
            self._transports.sse if self._transports is not None else None,
            port.number if port is not None else None,
        )
        limits = {"timeout_keep_alive": KEEP_ALIVE_S, "timeout_graceful_shutdown": int(RUNNING_CALLS_S) + 1}
        self._uvicorn = OpenPortServer(config(self._dispatcher, **limits), boot, self._wind_down)
        self._uvicorn.server_state.log = self._dispatcher.refusals  # a line a second for both together

    async def serve(self) -> None:
        """Serve until a signal, or until the start fails."""
        listeners = [self._boot.listener] if self._boot.listener is not None else []
        if self._port is not None:
            listeners.append(self._port.listener)
        async with self._transports.open() if self._transports is not None else contextlib.nullcontext():
            self._starting = asyncio.create_task(self._start(), name="start")
            self._handle_signals()
            try:
                await self._uvicorn.serve(sockets=listeners)
            finally:
                self._service.stopping = True
                self._starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._starting
                await self._runtime.stop()
        logger.info("stopped")
        if self._failure is not None:
            raise self._failure

    def _step(self, step: str) -> None:
        logger.info("start: %s after %.0f ms", step, self._boot.timeline.mark(step))

    def _status(self) -> dict[str, Any]:
        """Return the status that bridges and `claude-memory status` read."""
        boot = self._boot
        return {
            "pid": os.getpid(),
            "mode": "daemon" if boot.flags.daemon else "serve",
            "started_at": self._started_at.isoformat(timespec="seconds"),
            "data_dir": os.fspath(boot.data_dir),
            "url": boot.url or None,
            "socket": boot.unix_path,
            "sessions": [session.as_json() for session in self._transports.lines.open]
            if self._transports is not None
            else [],
            "sse_sessions": len(self._transports.sse) if self._transports is not None else 0,
            "embedded_postgres": boot.postgres is not None,
            "index_filling": self._runtime.filling(),
            **health(self._runtime),
        }

    def _tell_settings(self) -> list[dict[str, Any]]:
        """Return the settings in force, secrets hidden, for `claude-memory settings`."""
        from app.settings.shown import describe

        return [asdict(row) for row in describe(self._settings, self._boot.setting_flags)]

    async def _log_status(self) -> None:
        """Log the state every minute, for ever: a platform shows nothing else of a daemon that is its only process."""
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            logger.info("%s", status_line(self._runtime))

    async def _leave_when_idle(self) -> None:
        """Stop a daemon after DAEMON_IDLE_MINUTES without a connection."""
        limit_s = self._settings.daemon_idle_minutes * 60
        if not self._boot.flags.daemon or not limit_s or self._transports is None:
            return
        lines = self._transports.lines
        # No event marks the end of an idle time, so check regularly.
        while lines.open or time.monotonic() - lines.idle_since < limit_s:  # noqa: ASYNC110
            await asyncio.sleep(min(limit_s, IDLE_CHECK_S))
        logger.info("no one was connected for %g minutes", self._settings.daemon_idle_minutes)
        self._on_signal()

    async def _tokens(self) -> TokenStore:
        await self._runtime.wait_ready()
        return self._runtime.tokens

    def _shared_counts(self) -> SharedCounts | None:
        return self._runtime.rate_limits

    async def _start(self) -> None:
        """Start what the calls need, and the HTTP API. A failure ends the server."""
        for step, ms in self._boot.timeline.steps.items():
            logger.info("start: %s after %.0f ms", step, ms)
        try:
            if self._boot.listens:  # otherwise only after the check that a client can sign in
                await self._accept_connections()
            await asyncio.to_thread(self._boot.enter_register)
            await asyncio.to_thread(_preload, self._settings)
            self._step("modules loaded")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_runtime())
                group.create_task(self._start_http())
            # Everything imported stays for good, so later collections can skip it.
            gc.freeze()
            gc.set_threshold(*_COLLECT)
            gc.enable()
            keep_large_blocks_apart()
            sys.setswitchinterval(_SWITCH_S)
            if self._transports is not None and self._boot.listener is not None:
                await asyncio.to_thread(_tell, self._settings, self._boot)
            if self._boot.flags.daemon and self._settings.render_deployment and not self._settings.daemon_idle_minutes:
                await self._log_status()
            await self._leave_when_idle()
        except* MemoryServerError as errors:
            self._fail(errors)
        except* Exception as errors:  # noqa: BLE001 - serve raises it again
            self._fail(errors)

    async def _accept_connections(self) -> None:
        """Accept connections, over HTTP and from bridges. Raises CannotListen and SocketUnusable."""
        if not self._boot.listens:
            self._boot.listen()
        self._uvicorn.may_listen.set()
        await self._uvicorn.listening.wait()
        if self._boot.unix is None:
            self._boot.listen_for_bridges()
        if self._transports is not None and self._boot.unix is not None:
            await self._transports.lines.start(self._boot.unix)
        self._step("MCP answers" if self._service.full else "HTTP answers")

    def _fail(self, error: BaseException) -> None:
        self._failure = first_of(error)
        self._uvicorn.end()

    async def _start_runtime(self) -> None:
        """Start the runtime. Waits for a database server that starts later, but not for the embedded one."""
        for failures in count(1):
            try:
                await self._runtime.start(self._check_tokens)
                break
            except Unavailable as error:
                if self._settings.database_url is None or isinstance(error, StoreRefused):
                    raise
                if self._service.stopping:  # the cancellation is on its way
                    return
                wait_s = self._database_backoff.wait_s(failures)
                logger.warning("start: %s; trying again in %.1f s", error, wait_s)
                await self._database_backoff.sleep(wait_s)
        if not self._boot.listens:
            await self._accept_connections()

    async def _check_tokens(self, tokens: TokenStore) -> None:
        if self._boot.listener is not None and needs_token(self._settings):
            await check_tokens(self._settings, tokens)

    async def _start_http(self) -> None:
        module = await asyncio.to_thread(_load, "app.serve.http")
        app: ASGIApp = module.create_app(self._service, await self._sign_in_routes())
        self._dispatcher.set_http(app)
        await self._uvicorn.listening.wait()
        self._step("HTTP API answers")

    async def _sign_in_routes(self) -> list[BaseRoute]:
        if self._settings.public_url is None or not self._service.full:
            return []
        openid = ["app.serve.oauth.openid"] if self._settings.openid_issuer is not None else []
        module = await asyncio.to_thread(_load, *openid, "app.serve.oauth.routes")
        routes: list[BaseRoute] = module.sign_in_routes(self._settings, self._runtime, METRICS)
        return routes

    def _handle_signals(self) -> None:
        on_stop_signal(self._on_signal)
        if self._boot.signals.requested:
            self._on_signal()
        if self._boot.flags.supervised:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_parent)

    def _read_parent(self) -> None:
        """Stop when standard input closes: the parent is gone, however it ended."""
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._on_signal()

    def _on_signal(self) -> None:
        self._signals += 1
        self._service.stopping = True
        if self._signals == 1:
            self._stop_by = time.monotonic() + RUNNING_CALLS_S
            on_a_port = self._boot.listener is not None and self._boot.listens
            ready = self._runtime.ready.is_set()
            drain_s = self._settings.drain_s if on_a_port and ready else 0.0
            logger.info("stopping")
            if not ready:  # no proxy sends calls yet, and no more tries to start are of use
                self._starting.cancel()
            asyncio.get_running_loop().call_later(drain_s, self._uvicorn.end)
        else:
            self._uvicorn.force()
            if self._transports is not None:
                self._transports.sse.end()

    async def _wind_down(self) -> None:
        """Let running calls finish, then end the streams they answer on."""
        self._service.stopping = True
        if not self._runtime.ready.is_set():  # requests wait for a start that will not finish
            self._uvicorn.cancel_requests()
        if self._transports is not None:
            await self._transports.finish(min(RUNNING_CALLS_S, self._stop_by - time.monotonic()))
        self._uvicorn.close_idle()


def _tell(settings: Settings, boot: Boot) -> None:
    """Say how to connect; imported only now, when calls are answered already."""
    from app.serve import welcome

    welcome.tell(settings, boot.host, boot.url)


def _preload(settings: Settings) -> None:
    _load(*TOOL_MODULES)
    preload(settings)


def _load(*names: str) -> Any:
    module = None
    for name in names:
        module = import_module(name)
    return module
