"""server.json, by which the MCP registry and clients know the server and how to install it."""

from __future__ import annotations

import json
from pathlib import Path

from ci.errors import CiError
from ci.release.identity import ROOT, Identity, identity

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
FILE = "server.json"
_MOST_CHARACTERS = 100  # what the registry takes of a description


def server_json(found: Identity) -> str:
    """Return the file's text. Raises CiError for what the registry would refuse."""
    if len(found.description) > _MOST_CHARACTERS:
        raise CiError(
            f"pyproject.toml: the description has {len(found.description)} characters, the MCP registry takes 100"
        )
    server = {
        "$schema": SCHEMA,
        "name": found.server,
        "title": "Claude Memory",
        "description": found.description,
        "version": found.version,
        "repository": {"url": found.url, "source": "github"},
        "packages": [
            {
                "registryType": "pypi",
                "registryBaseUrl": "https://pypi.org",
                "identifier": "claude-memory",
                "version": found.version,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": "stdio"}],
            },
            {
                "registryType": "oci",
                "identifier": f"{found.image}:{found.version}",
                "runtimeHint": "docker",
                "transport": {"type": "streamable-http", "url": "http://localhost:8000/mcp"},
                "environmentVariables": [
                    {
                        "name": "DATABASE_URL",
                        "description": "The PostgreSQL database that keeps the memories",
                        "isRequired": True,
                        "isSecret": True,
                    }
                ],
            },
        ],
    }
    return json.dumps(server, indent=2, ensure_ascii=False) + "\n"


def write(root: Path = ROOT) -> Path:
    """Write a checkout's file, and return where."""
    path = root / FILE
    path.write_text(server_json(identity(root)), encoding="utf-8")
    return path
