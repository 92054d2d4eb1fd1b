"""Lets arguments through to the SDK in the forms in which clients send them: a middleware of the MCP server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from app.memory.as_sent import object_as_meant, texts_as_meant

_READERS: dict[str, Callable[[Any], Any]] = {"tools/call": object_as_meant, "prompts/get": texts_as_meant}


async def arguments_as_sent(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Read the arguments of a call, which the SDK takes as an object and, for a prompt, as texts alone."""
    reader = _READERS.get(ctx.method)
    if reader is not None and ctx.params is not None and "arguments" in ctx.params:
        given = ctx.params["arguments"]
        if (meant := reader(given)) is not given:
            ctx = replace(ctx, params={**ctx.params, "arguments": meant})
    return await call_next(ctx)
