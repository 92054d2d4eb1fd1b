"""What a container said last, shown when it could not be brought up: the provider itself does not tell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

import pulumi

SERVICE_LABEL = "claude-memory.service"
_LINES = 20
_PATIENCE_S = 20


def log_hook(engine: str, docker_host: str, ssh_options: Sequence[str]) -> pulumi.ErrorHook:
    """Return a hook that prints the last log lines of the service that failed; it never asks for another try."""

    def show(failed: pulumi.ErrorHookArgs) -> bool:
        pulumi.log.error(f"{failed.name} last said:\n{last_lines(failed.name, docker_host, ssh_options)}")
        return False

    return pulumi.ErrorHook(f"logs-{engine}", show)


def last_lines(service: str, docker_host: str, ssh_options: Sequence[str]) -> str:
    """Return the newest container's last log lines, or in one line why they cannot be had."""
    docker = _docker_command(docker_host, ssh_options)
    try:
        newest = _output(
            [*docker, "ps", "--all", "--quiet", "--latest", "--filter", f"label={SERVICE_LABEL}={service}"]
        )
        if not newest:
            return "(no container was made)"
        return _output([*docker, "logs", "--tail", str(_LINES), newest]) or "(nothing)"
    except (OSError, subprocess.SubprocessError) as error:
        return f"(its log cannot be read: {error})"


def _docker_command(docker_host: str, ssh_options: Sequence[str]) -> list[str]:
    if not docker_host.startswith("ssh://"):
        return ["docker", "--host", docker_host]
    parts = urlsplit(docker_host)
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", *ssh_options, *port, f"{parts.username}@{parts.hostname}", "docker"]


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(  # noqa: S603 - a fixed command, names from the stack's own configuration
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_PATIENCE_S, check=True, text=True
    )
    return done.stdout.strip()
