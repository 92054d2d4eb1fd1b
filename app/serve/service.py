"""Collects what the HTTP API reports about the running server, for /status, /info, /metrics and the tests."""

from __future__ import annotations

import asyncio
import logging
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app import __version__, logs, metrics
from app.endpoints import MCP, MESSAGES, SSE
from app.errors import MemoryServerError
from app.measuring import Metrics
from app.memory.types import Scope
from app.runtime.components import Status
from app.runtime.health import health
from app.runtime.numbers import GAUGES
from app.runtime.runtime import Runtime
from app.settings.fields import Settings

logger = logging.getLogger(__name__)

MCP_BODY_LIMIT_BYTES = 16 * 2**20  # a 10 MB text must reach the tool, whose error says what is wrong with it
HTTP_BODY_LIMIT_BYTES = 2**20
NUMBERS_KEPT_S = 5.0  # scrapes and /status query the database at most this often
NUMBERS_TIMEOUT_S = 2.0


@dataclass(kw_only=True)
class Service:
    """A running server.

    sessions, connections: return how many are open now.
    """

    settings: Settings
    runtime: Runtime
    metrics: Metrics
    startup_ms: dict[str, float] = field(default_factory=dict)
    sessions: Callable[[], int] = lambda: 0
    connections: Callable[[], int] = lambda: 0
    stopping: bool = False
    numbers_kept_s: float = NUMBERS_KEPT_S
    _numbers: dict[str, float] = field(default_factory=dict)
    _numbers_at: float = -math.inf
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full(self) -> bool:
        """Whether it has the MCP endpoints."""
        return self.settings.api_mode == "full"

    def called(self, tool: str, user: str, outcome: str, seconds: float) -> None:
        """Count and log a finished tool call."""
        self.metrics.observe(tool, outcome, seconds)
        logs.call_log(tool, user, outcome, seconds)

    def health(self) -> dict[str, Any]:
        """Return the body of /health."""
        return health(self.runtime)

    @property
    def starting(self) -> bool:
        """Whether the database is not open yet."""
        return not self.stopping and not self.runtime.ready.is_set()

    def is_ready(self) -> bool:
        """Whether it answers calls now: not while it knows that the database does not answer."""
        if self.stopping or not self.runtime.ready.is_set():
            return False
        return not any(
            component.name == "postgres" and component.status is Status.DEGRADED
            for component in self.runtime.components()
        )

    def takes_calls(self) -> bool:
        """Whether a proxy should send calls here: also while the database does not answer, which the calls then say."""
        return not self.stopping and (self.runtime.ready.is_set() or self.runtime.failed)

    async def numbers(self) -> dict[str, float]:
        """Return the gauges that cost a query, at most numbers_kept_s old; older when the database does not answer."""
        async with self._asking:
            if time.monotonic() - self._numbers_at >= self.numbers_kept_s:
                try:
                    async with asyncio.timeout(NUMBERS_TIMEOUT_S):
                        self._numbers = await self.runtime.numbers()
                except (MemoryServerError, TimeoutError) as error:
                    logger.warning("numbers for /metrics: %s", str(error) or "no answer in time")
                self._numbers_at = time.monotonic()
        return self._numbers

    async def metrics_text(self) -> bytes:
        """Return the body of /metrics. A component that does not answer shows as down; the scrape never fails."""
        for name, value in (await self.numbers()).items():
            if name in GAUGES:
                self.metrics.set(GAUGES[name], value)
        up = {component.name: float(component.status is Status.OK) for component in self.runtime.components()}
        self.metrics.set(metrics.POSTGRES_UP, up.get("postgres", 0.0))
        self.metrics.set(metrics.QDRANT_UP, up.get("index", 0.0))
        if "embeddings" in up:
            self.metrics.set(metrics.EMBEDDINGS_UP, up["embeddings"])
        if "rerank" in up:
            self.metrics.set(metrics.RERANK_UP, up["rerank"])
        if "memu" in up:
            self.metrics.set(metrics.MEMU_UP, up["memu"])
            self.metrics.set(metrics.MEMU_KEY_REFUSED, float(self.runtime.memu_key_refused))
        self.metrics.set(metrics.UPTIME, time.monotonic() - self.runtime.started_at)
        self.metrics.set(metrics.OPEN_SESSIONS, self.sessions())
        for step, ms in self.startup_ms.items():
            name = step.partition(",")[0]  # the part after a comma varies, and is for the log only
            self.metrics.set(metrics.STARTUP, ms / 1_000, (name,))
        return self.metrics.text()

    async def status(self, scope: Scope) -> dict[str, Any]:
        """Return the body of /status. It shows which settings are set, not their values.

        Only callers with the scope `admin` see totals over all users; others see their own numbers.
        """
        body, admin = self.health(), "admin" in scope.permissions
        return {
            "status": body["status"],
            "version": body["version"],
            "uptime_seconds": body["uptime_seconds"],
            "components": body["components"],
            "connections": self.connections() if admin else None,
            "sessions": self.sessions() if admin else None,
            "requests": self._requests() if admin else None,
            "numbers": await self.numbers() if admin else await self._numbers_of(scope.user),
            "startup_ms": self.startup_ms,
            "settings": {
                name.upper(): name in self.settings.model_fields_set for name in type(self.settings).model_fields
            },
        }

    async def _numbers_of(self, user: str) -> dict[str, float]:
        try:
            async with asyncio.timeout(NUMBERS_TIMEOUT_S):
                return await self.runtime.numbers_of(user)
        except (MemoryServerError, TimeoutError):  # the components say what is wrong
            return {}

    def _requests(self) -> dict[str, Any]:
        by_tool: dict[str, dict[str, float]] = {}
        for (tool, outcome), calls in self.metrics.by_label(metrics.REQUESTS).items():
            by_tool.setdefault(tool, {})[outcome] = calls
        return {
            "total": self.metrics.total(metrics.REQUESTS),
            "by_tool": by_tool,
            "rate_limited": self.metrics.total(metrics.RATE_LIMITED),
            "avg_response_time_seconds": self.metrics.average_s(),
        }

    def info(self) -> dict[str, Any]:
        """Return the body of /info, which describes the server, but not the machine or the users."""
        from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS

        from app.serve.mcp.tools import offered

        transports = {"streamable-http": MCP, "sse": SSE, "sse-messages": MESSAGES}
        return {
            "name": self.settings.mcp_server_name,
            "version": __version__,
            "python": platform.python_version(),
            "protocol_versions": list(SUPPORTED_PROTOCOL_VERSIONS),
            "memory_backend": self.settings.memory_backend,
            "tools": list(offered(self.settings.memory_backend)) if self.full else [],
            "transports": transports if self.full else {},
            "auth": str(self.settings.auth),
            "limits": {
                "requests_per_minute": self.settings.requests_per_minute,
                "mcp_body_bytes": MCP_BODY_LIMIT_BYTES,
                "http_body_bytes": HTTP_BODY_LIMIT_BYTES,
                "reply_tokens": self.settings.reply_token_budget,
                "conversation_piece_characters": self.settings.max_conversation_length,
            },
        }
