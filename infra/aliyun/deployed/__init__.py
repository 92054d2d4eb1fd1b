"""The memory as it runs on Alibaba Cloud: a stack's outputs and releases, and MCP spoken with it."""
