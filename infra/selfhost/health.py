"""Health checks of containers: the command that Docker runs in them, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_docker as docker

_APP_CHECK = "/opt/claude-memory/src/app/process/healthcheck.py"


@dataclass(frozen=True, kw_only=True)
class Health:
    """A command that succeeds while the container works, and its timing."""

    command: Sequence[str]
    every_s: int = 10  # each costs the engine more than the container: it starts a process there
    timeout_s: int = 3
    retries: int = 2
    start_s: int = 30  # during which failures do not count

    def args(self) -> docker.ContainerHealthcheckArgs:
        """Return the check as the provider takes it."""
        return docker.ContainerHealthcheckArgs(
            tests=["CMD", *self.command],
            interval=f"{self.every_s}s",
            timeout=f"{self.timeout_s}s",
            retries=self.retries,
            start_period=f"{self.start_s}s",
        )


def wget(port: int, path: str = "/") -> Health:
    """Return an HTTP check for images whose only client is BusyBox's wget."""
    return Health(command=["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}{path}"])


def app_check(port: int, path: str) -> Health:
    """Return an HTTP check for the app's image, which has no program but Python; app/Dockerfile has the same one."""
    return Health(command=["python3", "-I", "-S", _APP_CHECK, f"http://127.0.0.1:{port}{path}"])
