"""Labels that tell a stack's containers from others on the same engine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

STACK, SERVICE = "claude-memory.stack", "claude-memory.service"
FILES, REASON = "claude-memory.files", "claude-memory.reason"  # a changed value replaces the container
GENERATION = "claude-memory.generation"


def labels(more: Mapping[str, pulumi.Input[str]]) -> list[docker.ContainerLabelArgs]:
    """Return a container's labels: the stack's name and these."""
    return [
        docker.ContainerLabelArgs(label=label, value=value)
        for label, value in {STACK: pulumi.get_stack(), **more}.items()
    ]


def generation(declared: Mapping[str, pulumi.Input[Any]]) -> pulumi.Output[str]:
    """Return 12 digits for the label GENERATION: of two containers of a service, those of one version have the same.

    declared: what replaces the container when it changes, and no secret. The limits change in a running container.
    """
    text = pulumi.Output.json_dumps(dict(declared), sort_keys=True)
    return text.apply(lambda known: hashlib.sha256(known.encode()).hexdigest()[:12])


def filters(stack: str, service: str) -> list[str]:
    """Return the options with which `docker ps` lists only the containers of one service."""
    return ["--filter", f"label={STACK}={stack}", "--filter", f"label={SERVICE}={service}"]
