"""Lists what a server imports until it is ready: its modules, and the packages they bring, each with its reason.

Every package costs time at each cold start of a function. A test compares the list with a real start, so that a new
package needs a line here. Imports nothing.
"""

from __future__ import annotations

# In the order of a start with the embedded index; a test compares them with what the server loads.
MODULES = (
    "app.serve.server",
    "app.serve.mcp.tools",
    "app.serve.mcp.resources",
    "app.store.address",
    "app.store.database",
    "app.store.change_log",
    "app.store.collections",
    "app.store.outbox",
    "app.store.postgres",
    "app.store.rate_limits",
    "app.store.rows",
    "app.embedding.service",
    "app.runtime.housekeeping",
    "app.runtime.numbers",
    "app.runtime.running",
    "app.index.embedded.replacing",
    "app.serve.http",
)

# By the name under which a package is imported.
PACKAGES = {
    "mcp": "the MCP SDK: the protocol and its transports",
    "mcp_types": "messages of the protocol; its models are the largest part of a start",
    "pydantic": "checks settings and the arguments of tools; the MCP SDK needs it",
    "pydantic_core": "of pydantic",
    "annotated_types": "of pydantic",
    "typing_extensions": "of pydantic",
    "typing_inspection": "of pydantic",
    "pydantic_settings": "reads the settings",
    "dotenv": "of pydantic_settings: reads `.env`",
    "anyio": "of the MCP SDK: its streams and tasks",
    "starlette": "requests and responses of the MCP SDK and of FastAPI",
    "python_multipart": "of starlette: it is imported with requests",
    "sse_starlette": "of the MCP SDK: SSE responses",
    "httpx2": "of the MCP SDK: it is imported with its server, which calls nothing",
    "idna": "of httpx2",
    "opentelemetry": "of the MCP SDK: it is imported with its server, which traces nothing here",
    "cryptography": "of the MCP SDK: it is imported with its server, which seals request state",
    "uvicorn": "the HTTP server",
    "httptools": "of uvicorn: parses requests",
    "click": "of uvicorn: it is imported with its command line, which is not used",
    "asyncpg": "PostgreSQL",
    "fastapi": "the HTTP API beside MCP, loaded after MCP answers",
    "annotated_doc": "of fastapi",
}

# In place of the embedded index, with QDRANT_URL.
QDRANT_MODULES = ("app.index.qdrant.server", "app.index.qdrant.search", "app.index.qdrant.feeder")
QDRANT_PACKAGES = ("qdrant_client", "httpx", "grpc", "google", "numpy")
# With PUBLIC_URL.
SIGN_IN_MODULES = ("app.store.oauth",)

# Folders of ours that a start loads something of, and what for.
FOLDERS = {
    "app": "version, errors, logs, metrics, paths",
    "app.process": "the open port, before everything else",
    "app.settings": "settings",
    "app.datadir": "data directory and its lock",
    "app.bridge": "the protocol of the Unix socket, which bridges of the same machine use",
    "app.access": "tokens of callers",
    "app.http": "uvicorn, checks of requests, rate limits",
    "app.serve": "the server",
    "app.serve.mcp": "tools, resources and prompts",
    "app.serve.oauth": "paths of the sign-in alone, to tell them from others",
    "app.runtime": "starts and stops the parts",
    "app.memory": "the domain",
    "app.store": "PostgreSQL",
    "app.index": "the interface of the index, and the follower",
    "app.index.embedded": "the embedded index",
    "app.index.qdrant": "the setup of the other engine, without its driver",
    "app.embedding": "which embedding service the settings name, without its client",
}
