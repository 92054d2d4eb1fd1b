"""Labels that tell a stack's containers from others on the same engine."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

STACK, SERVICE = "claude-memory.stack", "claude-memory.service"
FILES, REASON = "claude-memory.files", "claude-memory.reason"  # a changed value replaces the container


def labels(more: Mapping[str, pulumi.Input[str]]) -> list[docker.ContainerLabelArgs]:
    """Return a container's labels: the stack's name and these."""
    return [
        docker.ContainerLabelArgs(label=label, value=value)
        for label, value in {STACK: pulumi.get_stack(), **more}.items()
    ]


def filters(stack: str, service: str) -> list[str]:
    """Return the options with which `docker ps` lists only the containers of one service."""
    return ["--filter", f"label={STACK}={stack}", "--filter", f"label={SERVICE}={service}"]
