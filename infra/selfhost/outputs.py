"""The outputs of a stack: addresses, a client's configuration to paste, commands to run next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

import pulumi

from app.endpoints import MCP
from infra.selfhost.labels import filters


def export(url: str, worker: str, worker_host: str, operator_urls: Mapping[str, str]) -> None:
    """Export all outputs.

    worker: the service in which commands are run. worker_host: the address of its Docker engine.
    operator_urls: the pages for operators, by name.
    """
    mcp = f"{url}{MCP}"
    server = {"type": "http", "url": mcp, "headers": {"Authorization": "Bearer TOKEN"}}
    run = f"docker exec $(docker ps -q {shlex.join(filters(pulumi.get_stack(), worker))}) claude-memory"
    pulumi.export("url", url)
    pulumi.export("mcp_url", mcp)
    pulumi.export("client_configuration", json.dumps({"mcpServers": {"memory": server}}, indent=2))
    pulumi.export("operator_urls", dict(operator_urls))
    pulumi.export(
        "next_steps",
        [
            f"export DOCKER_HOST={worker_host}",
            f"{run} doctor",
            f"{run} token create --user NAME",
            f"claude mcp add --transport http memory {mcp} --header 'Authorization: Bearer TOKEN'",
        ],
    )
