"""How the command `docker` is run against one of the stack's engines: here, or over SSH on its host."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit


def docker_command(docker_host: str, ssh_options: Sequence[str]) -> list[str]:
    """Return what to put before docker's own arguments; over SSH as the provider does, with the host's `docker`."""
    if not docker_host.startswith("ssh://"):
        return ["docker", "--host", docker_host]
    parts = urlsplit(docker_host)
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", *ssh_options, *port, f"{parts.username}@{parts.hostname}", "docker"]
