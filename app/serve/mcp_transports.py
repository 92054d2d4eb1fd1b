"""Combines the transports of MCP: streamable HTTP, SSE, and lines over the data directory's Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from app.runtime.runtime import Runtime
from app.serve.lines import LineSessions
from app.serve.mcp.as_sent import arguments_as_sent
from app.serve.mcp.door import Door
from app.serve.mcp.surrogates import LoneSurrogates
from app.serve.running_calls import ANSWER_TURN_S, RunningCalls
from app.serve.service import MCP_BODY_LIMIT_BYTES
from app.serve.sse import SseSessions


class McpTransports:
    """The transports of one MCP server. `calls` counts the running calls of all of them."""

    def __init__(
        self,
        mcp: Server[Any],
        runtime: Runtime,
        status: Callable[[], dict[str, Any]],
        leave: Callable[[], None],
        tell_settings: Callable[[], list[dict[str, Any]]] = list,
        streams_limit: Callable[[], int | None] = lambda: None,
    ) -> None:
        """status, leave, tell_settings: see LineSessions; streams_limit: see SseSessions."""
        self.calls = RunningCalls()
        # Replaces OpenTelemetry's, which creates a span per call that no one collects.
        mcp.middleware[:] = [self.calls, arguments_as_sent]
        self._manager = StreamableHTTPSessionManager(
            mcp, json_response=True, stateless=True, max_request_body_size=MCP_BODY_LIMIT_BYTES
        )
        self.endpoint = Door(LoneSurrogates(self._manager, runtime), MCP_BODY_LIMIT_BYTES)
        self.sse = SseSessions(mcp, self.calls.runs_in, runtime.settings.stream_s, streams_limit)
        self.lines = LineSessions(mcp, runtime.settings, status, leave, runtime.rebuild_index, tell_settings)

    def open(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which /mcp answers."""
        return self._manager.run()

    def sessions(self) -> int:
        """Return how many sessions are open."""
        return len(self.sse) + len(self.lines)

    async def finish(self, timeout_s: float) -> None:
        """Let running calls finish for at most `timeout_s`, then end the streams they answer on."""
        await self.calls.finish(timeout_s)
        await asyncio.sleep(ANSWER_TURN_S)
        await self.lines.stop()
        self.sse.end()
