"""The memory as MCP tools, resources and prompts."""

from app.serve.mcp.server import build_server

__all__ = ["build_server"]
