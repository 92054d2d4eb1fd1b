"""A real server process whose parts behind HTTP are made up: one tool that takes as long as it is told.

Run as a program with the arguments of `serve`; DATABASE_URL must be set, so that no PostgreSQL is started.
The tool `wait` answers when the file it is given is there. The environment variable START_FAILS_WITH makes the
runtime's start fail that many times.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import anyio

from app.backoff import Backoff
from app.errors import StoreUnavailable
from app.process import boot
from app.process.begun import Boot


def run(begun: Boot) -> int:
    import mcp_types as types
    from mcp.server.lowlevel import Server

    from app.runtime.components import Component, Status
    from app.runtime.runtime import Runtime
    from app.serve import server

    class StandIn(Runtime):
        failures = int(os.environ.get("START_FAILS_WITH", "0"))

        async def start(self, check: Any = None) -> None:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("PostgreSQL does not answer yet")
            self.ready.set()

        async def stop(self) -> None:
            self.ready.clear()

        def components(self) -> list[Component]:
            status = Status.OK if self.ready.is_set() else Status.STARTING
            return [Component(name="postgres", status=status)]

    def make_mcp(runtime: Runtime) -> Server[Any]:
        async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
            schema = {"type": "object", "properties": {"file": {"type": "string"}}}
            return types.ListToolsResult(tools=[types.Tool(name="wait", input_schema=schema)])

        async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
            arguments = params.arguments or {}
            file = anyio.Path(arguments["file"])
            await anyio.Path(f"{file}.begun").touch()
            while not await file.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
            return types.CallToolResult(content=[types.TextContent(type="text", text="waited")])

        return Server("slow", version="1", on_list_tools=list_tools, on_call_tool=call_tool)

    return server.run(begun, StandIn, make_mcp, Backoff(first_s=0.05, longest_s=0.05))


if __name__ == "__main__":
    flags = boot.read_flags(sys.argv[1:])
    assert flags is not None
    sys.exit(boot.serve(flags, run))
