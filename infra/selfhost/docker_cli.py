"""Runs `docker` against one of the stack's engines: locally, or over SSH on its host."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit


def docker_command(docker_host: str, ssh_options: Sequence[str]) -> list[str]:
    """Return the command that docker's arguments follow; over SSH it is the host's `docker`, as with the provider."""
    if not docker_host.startswith("ssh://"):
        return ["docker", "--host", docker_host]
    parts = urlsplit(docker_host)
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", *ssh_options, *port, f"{parts.username}@{parts.hostname}", "docker"]
