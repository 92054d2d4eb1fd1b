"""The outputs of a stack: addresses, names, a client's configuration to paste, commands to run next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from app.endpoints import MCP, SSE


@dataclass(frozen=True, kw_only=True)
class Exported:
    """url: where clients reach the app. releases: versions of the function by the name of the release.

    canary: the share in percent of `release` while another one serves, 0 otherwise.
    dns_records: to be set by whoever runs the domain.
    """

    stack: str
    region: str
    account_id: str
    url: pulumi.Input[str]
    function: pulumi.Input[str]
    jobs: pulumi.Input[str] | None
    release: str
    serving: str
    canary: int
    releases: Mapping[str, pulumi.Input[str]]
    log_project: pulumi.Input[str]
    log_store: pulumi.Input[str]
    dns_records: Sequence[Mapping[str, str]]


def export(found: Exported) -> None:
    """Export all outputs."""
    mcp = pulumi.Output.concat(found.url, MCP)
    for name in ("region", "account_id", "url", "function", "jobs", "log_project", "log_store"):
        pulumi.export(name, getattr(found, name))
    for name in ("release", "serving", "canary"):
        pulumi.export(name, getattr(found, name))
    pulumi.export("releases", dict(found.releases))
    pulumi.export("mcp_url", mcp)
    pulumi.export("sse_url", pulumi.Output.concat(found.url, SSE))
    pulumi.export("dns_records", list(found.dns_records))
    pulumi.export("client_configuration", mcp.apply(client_configuration))
    pulumi.export("next_steps", mcp.apply(lambda url: next_steps(found.stack, url)))


def client_configuration(mcp: str) -> str:
    """Return what an MCP client takes, as JSON."""
    server: dict[str, Any] = {"type": "http", "url": mcp, "headers": {"Authorization": "Bearer TOKEN"}}
    return json.dumps({"mcpServers": {"memory": server}}, indent=2)


def next_steps(stack: str, mcp: str) -> list[str]:
    """Return the commands to run next."""
    return [
        f"python -m infra.aliyun invoke --stack {stack}",
        f"python -m infra.aliyun check --stack {stack}",
        f"claude mcp add --transport http memory {mcp} --header 'Authorization: Bearer TOKEN'",
    ]
