"""The outputs of a stack: addresses, DNS records, a client's configuration to paste, commands to run next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from app.endpoints import MCP


@dataclass(frozen=True, kw_only=True)
class Exported:
    """url: where clients reach the app. services: ids by role. dns_records: to be set by whoever runs the domains.

    database_expires_at: of a free database.
    """

    stack: str
    url: pulumi.Input[str]
    render_url: pulumi.Input[str]
    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    services: Mapping[str, pulumi.Input[str]]
    dns_records: pulumi.Input[list[Mapping[str, str]]]
    database_expires_at: pulumi.Input[str | None] | None = None


def export(found: Exported) -> None:
    """Export all outputs."""
    mcp = pulumi.Output.concat(found.url, MCP)
    pulumi.export("url", found.url)
    pulumi.export("mcp_url", mcp)
    pulumi.export("render_url", found.render_url)
    pulumi.export("client_configuration", mcp.apply(client_configuration))
    pulumi.export("dns_records", found.dns_records)
    pulumi.export("project_id", found.project_id)
    pulumi.export("environment_id", found.environment_id)
    pulumi.export("services", dict(found.services))
    if found.database_expires_at is not None:
        pulumi.export("database_expires_at", found.database_expires_at)
    pulumi.export("next_steps", mcp.apply(lambda url: next_steps(found.stack, url)))


def client_configuration(mcp: str) -> str:
    """Return what an MCP client takes, as JSON."""
    server: dict[str, Any] = {"type": "http", "url": mcp, "headers": {"Authorization": "Bearer TOKEN"}}
    return json.dumps({"mcpServers": {"memory": server}}, indent=2)


def next_steps(stack: str, mcp: str) -> list[str]:
    """Return the commands to run next."""
    return [
        f"python -m infra.render status --stack {stack}",
        f"python -m infra.render doctor --stack {stack}",
        f"claude mcp add --transport http memory {mcp} --header 'Authorization: Bearer TOKEN'",
    ]
