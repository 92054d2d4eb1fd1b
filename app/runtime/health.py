"""What /health and the tool memory_health say."""

from __future__ import annotations

import time
from typing import Any, Protocol

from app import __version__
from app.runtime.components import Component, Status


class Observed(Protocol):
    """A process made of components: the server's runtime, the worker. started_at: in time.monotonic()."""

    started_at: float

    def components(self) -> list[Component]:
        """Return the state of every component, from memory."""


def health(observed: Observed) -> dict[str, Any]:
    """Return the body of /health: the worst component's state is the state of the whole."""
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
