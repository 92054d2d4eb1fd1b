"""Health checks of containers: the command that Docker runs in them, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class Health:
    """A command that succeeds while the container works, and its timing."""

    command: Sequence[str]
    every_s: int = 5
    timeout_s: int = 3
    retries: int = 3
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
    return Health(command=["wget", "--quiet", "--spider", f"http://127.0.0.1:{port}{path}"])


def app_check(port: int, path: str) -> Health:
    """Return an HTTP check for the app's image."""
    return Health(command=["python3", "-m", "app.process.healthcheck", f"http://127.0.0.1:{port}{path}"])
