"""Counts running MCP requests, so that a shutdown can wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext


class RunningCalls:
    """A middleware of the MCP server, which sees the requests of every transport."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        self._count += 1
        self._none.clear()
        try:
            return await call_next(ctx)
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def finish(self, timeout_s: float) -> None:
        """Wait until none is running, for at most `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._none.wait()
