"""Reports the health of a process, for /health and the tool memory_health."""

from __future__ import annotations

import time
from typing import Any, Protocol

from app import __version__
from app.runtime.components import Component, Status


class Observed(Protocol):
    """A process with components: the server's runtime, or the worker. started_at: in time.monotonic()."""

    started_at: float

    def components(self) -> list[Component]:
        """Return the state of every component, from memory."""


def status_line(observed: Observed, *more: str) -> str:
    """Return the state of a process on one line. more: what else it says, before the time it is up."""
    parts = [
        f"{component.name} {component.status}{f' ({component.detail})' if component.detail else ''}"
        for component in observed.components()
    ]
    return f"status: {', '.join([*parts, *more])}, up {time.monotonic() - observed.started_at:.0f} s"


def health(observed: Observed) -> dict[str, Any]:
    """Return the body of /health; the process has the state of its worst component."""
    components = observed.components()
    states = {component.status for component in components}
    status = next((state for state in (Status.STARTING, Status.DEGRADED) if state in states), Status.OK)
    return {
        "status": str(status),
        "version": __version__,
        "uptime_seconds": round(time.monotonic() - observed.started_at, 1),
        "components": {
            component.name: {"status": str(component.status), "detail": component.detail} for component in components
        },
    }
