"""Names the paths at which MCP and health are served, for the app and for the programs in `infra` that lead to them.

Imports nothing: a program that needs one path loads nothing of the server.
"""

MCP, SSE, MESSAGES = "/mcp", "/sse", "/messages/"
HEALTH, READY = "/health", "/ready"
# What a proxy asks: whether to send calls here. They are answered without the database too, with an error that says so.
FOR_CALLS = "for=calls"
READY_FOR_CALLS = f"{READY}?{FOR_CALLS}"
