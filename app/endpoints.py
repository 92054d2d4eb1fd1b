"""Names the paths at which MCP is served, for the app and for the programs in `infra` that route to it.

Imports nothing: a program that needs one path loads nothing of the server.
"""

MCP, SSE, MESSAGES = "/mcp", "/sse", "/messages/"
