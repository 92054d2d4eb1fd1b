"""Claude Memory: long-term memory for Claude and every other MCP client."""

__version__ = "0.1.0"
