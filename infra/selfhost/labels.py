"""The labels by which a stack's containers are found on an engine, which may run those of other stacks as well."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

STACK, SERVICE = "claude-memory.stack", "claude-memory.service"
FILES, REASON = "claude-memory.files", "claude-memory.reason"  # changed ones make a container anew


def labels(more: Mapping[str, pulumi.Input[str]]) -> list[docker.ContainerLabelArgs]:
    """Return a container's labels: the stack's name, and more."""
    return [
        docker.ContainerLabelArgs(label=label, value=value)
        for label, value in {STACK: pulumi.get_stack(), **more}.items()
    ]


def filters(stack: str, service: str) -> list[str]:
    """Return the options by which `docker ps` shows the containers of one service alone."""
    return ["--filter", f"label={STACK}={stack}", "--filter", f"label={SERVICE}={service}"]
