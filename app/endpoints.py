"""Names the paths at which MCP and health are served, for the app and for the programs in `infra` that lead to them.

Imports nothing: a program that needs one path loads nothing of the server.
"""

MCP, SSE, MESSAGES = "/mcp", "/sse", "/messages/"
HEALTH, READY = "/health", "/ready"
