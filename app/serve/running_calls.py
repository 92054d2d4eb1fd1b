"""Counts running MCP requests, of all and of each SSE session, so that an end can wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.requests import Request

ANSWER_TURN_S = 0.02  # an answer needs one or two turns of the loop to get from its call to its stream


class RunningCalls:
    """A middleware of the MCP server, which sees the requests of every transport."""

    def __init__(self) -> None:
        self._count = 0
        self._sessions: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._none.set()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        session = _session_of(ctx)
        self._sessions[session] += 1
        self._count += 1
        self._none.clear()
        try:
            return await call_next(ctx)
        finally:
            self._count -= 1
            self._sessions[session] -= 1
            if not self._sessions[session]:
                del self._sessions[session]
            if not self._count:
                self._none.set()

    def runs_in(self, session: str) -> bool:
        """Whether a call of the SSE session with this id runs."""
        return self._sessions[session] > 0

    async def finish(self, timeout_s: float) -> None:
        """Wait until none is running, for at most `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._none.wait()


def _session_of(ctx: ServerRequestContext[Any, Any]) -> str:
    """Return the id of the SSE session that a request belongs to, "" for one of another transport."""
    request = ctx.request
    if not isinstance(request, Request) or not request.scope["query_string"]:
        return ""
    return request.query_params.get("session_id", "")
