"""What /health and the tool memory_health say."""

from __future__ import annotations

import time
from typing import Any

from app import __version__
from app.serve.runtime import Runtime, Status


def health(runtime: Runtime) -> dict[str, Any]:
    """Return the body of /health: the worst component's state is the state of the whole."""
    components = runtime.components()
    states = {component.status for component in components}
    status = next((state for state in (Status.STARTING, Status.DEGRADED) if state in states), Status.OK)
    return {
        "status": str(status),
        "version": __version__,
        "uptime_seconds": round(time.monotonic() - runtime.started_at, 1),
        "components": {
            component.name: {"status": str(component.status), "detail": component.detail} for component in components
        },
    }
