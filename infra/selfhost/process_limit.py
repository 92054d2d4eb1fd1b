"""Limits how many processes and threads a container may have, for which the provider has no argument.

Docker can change the limit of a running container, so a hook sets it as soon as one is made; it outlives restarts.
Tasks have none: they end within seconds, before a hook could run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pulumi

from infra.errors import NotLimited

# PostgreSQL with all of its 100 connections needs 120, Qdrant 3 threads for each core of a large host.
PROCESSES = 512
_TIMEOUT_S = 20


def limit_hook(service: str, docker: Sequence[str]) -> pulumi.ResourceHook:
    """Return the hook that limits the container of a service. docker: the command that reaches its engine."""
    return pulumi.ResourceHook(
        f"processes-{service}",
        lambda made: limit(docker, made.name, made.id),
        pulumi.ResourceHookOptions(ignore_errors=True),  # a warning: the container is up, and does its work
    )


def limit(docker: Sequence[str], service: str, container: str) -> None:
    """Limit a container. Raises NotLimited."""
    try:
        subprocess.run(  # noqa: S603 - a fixed command
            [*docker, "update", "--pids-limit", str(PROCESSES), container],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise NotLimited(service, PROCESSES, (error.stderr or error.stdout).strip()) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotLimited(service, PROCESSES, str(error)) from None
