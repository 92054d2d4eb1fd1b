"""Registers tools, resources and prompts with the SDK's server, and turns our errors into MCP's.

`initialize` needs none of them; they and the domain they use (40 ms) are imported at first use, or by
`app.serve.server` once the port answers.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from app import __version__
from app.access.authenticator import noted_agent
from app.errors import InvalidInput, MemoryServerError, NotFound
from app.memory.types import Scope

if TYPE_CHECKING:
    from app.runtime.runtime import Runtime

logger = logging.getLogger(__name__)

INSTRUCTIONS = """\
A long-term memory that outlives this conversation. Call recall_context at the start of a task to learn what is known \
about it, and search_memory for single questions. Call memorize for decisions, preferences and facts worth keeping, \
one plain sentence each."""
OF_PROJECTS = " Memories are grouped by project; leave project out to search all."

Context = ServerRequestContext[Any, Any]


def build_server(runtime: Runtime) -> Server[Any]:
    """Return the MCP server on a runtime, which may still be starting: only calls that need it wait."""

    async def list_tools(ctx: Context, params: Any) -> types.ListToolsResult:
        from app.serve.mcp.tools import definitions

        return types.ListToolsResult(tools=definitions(runtime.settings.memory_backend))

    async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> Any:
        return await call(runtime, scope_of(runtime, ctx), params.name, params.arguments or {})

    async def list_resources(ctx: Context, params: Any) -> types.ListResourcesResult:
        from app.serve.mcp import resources

        return types.ListResourcesResult(resources=list(resources.fixed(runtime.settings.memory_backend)))

    async def list_templates(ctx: Context, params: Any) -> types.ListResourceTemplatesResult:
        from app.serve.mcp import resources

        templates = resources.templates(runtime.settings.memory_backend)
        return types.ListResourceTemplatesResult(resource_templates=list(templates))

    async def read_resource(ctx: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        from app.serve.mcp import resources

        try:
            return await resources.read(runtime, scope_of(runtime, ctx), str(params.uri))
        except MemoryServerError as error:
            raise _protocol_error(error, uri=str(params.uri)) from None

    async def list_prompts(ctx: Context, params: Any) -> types.ListPromptsResult:
        from app.serve.mcp import prompts

        return types.ListPromptsResult(prompts=list(prompts.offered(runtime.settings.memory_backend)))

    async def get_prompt(ctx: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        from app.serve.mcp import prompts

        try:
            return prompts.prompt(params.name, dict(params.arguments or {}), runtime.settings.memory_backend)
        except MemoryServerError as error:
            raise _protocol_error(error) from None

    async def complete(ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        from app.serve.mcp import completion

        try:
            return await completion.complete(runtime, scope_of(runtime, ctx), params.ref, params.argument)
        except MemoryServerError as error:
            raise _protocol_error(error) from None

    return Server(
        runtime.settings.mcp_server_name,
        version=__version__,
        title="Claude Memory",
        instructions=INSTRUCTIONS if runtime.settings.memory_backend == "memu" else INSTRUCTIONS + OF_PROJECTS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
        get_tool_input_schema=lambda name: None,
    )


def scope_of(runtime: Runtime, ctx: Context) -> Scope:
    """Return the caller's scope: the one the transport determined, or the default user's."""
    if isinstance(ctx.request, Scope):  # over the Unix socket
        return ctx.request
    state = ctx.request.scope.get("state", {}) if ctx.request is not None else {}
    scope = state.get("scope") or Scope(runtime.settings.default_user_id)
    params = ctx.session.client_params
    agent = noted_agent(runtime.settings, params.client_info.name if params is not None else None)
    return replace(scope, agent=agent)


async def call(runtime: Runtime, scope: Scope, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a tool and return MCP's result; an error is a result too, so that a model can read it and retry."""
    from app.serve.mcp import replies
    from app.serve.mcp.tools import TOOLS, find_tool

    started = time.perf_counter()
    outcome = "ok"
    try:
        reply = await find_tool(name).call(runtime, scope, arguments)
        return {
            "content": [{"type": "text", "text": replies.compact(reply)}],
            "structuredContent": reply,
            "isError": False,
            "resultType": "complete",
        }
    except MemoryServerError as error:
        outcome = error.code
        return _tool_error(f"{error.code}: {error}")
    except Exception:  # log the error, and do not show its text to the client
        outcome = "crash"
        logger.exception("tool crashed", extra={"tool": name})
        return _tool_error("internal: unexpected error, which the server has logged; nothing was acknowledged")
    finally:
        # A name from outside must not become a metric's label.
        runtime.called(name if name in TOOLS else "unknown", scope.user, outcome, time.perf_counter() - started)


def _tool_error(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True, "resultType": "complete"}


def _protocol_error(error: MemoryServerError, **data: str) -> MCPError:
    """Return an error as the protocol has it. data: what it is about."""
    is_invalid = isinstance(error, InvalidInput | NotFound)
    code = types.INVALID_PARAMS if is_invalid else types.INTERNAL_ERROR
    return MCPError(code, str(error), {"code": error.code, **data})
