"""The reference: a server with one tool that does nothing, on the same SDK.

`python -m benchmarks.reference PORT` runs it with the SDK's defaults, as its README shows. `--lean` sets what
the SDK has to make it quick (stateless, plain JSON, no access log): shown beside, never what a goal is held against.
"""

from __future__ import annotations

import sys

from mcp.server.mcpserver import MCPServer


def main(arguments: list[str]) -> None:
    """Serve until stopped."""
    lean = "--lean" in arguments
    server = MCPServer("reference", log_level="WARNING" if lean else "INFO")

    @server.tool()
    async def noop(text: str) -> dict[str, str]:
        """Do nothing."""
        return {"text": text}

    server.run(transport="streamable-http", port=int(arguments[0]), stateless_http=lean, json_response=lean)


if __name__ == "__main__":
    main(sys.argv[1:])
