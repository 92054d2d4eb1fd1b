"""Settings of the app that this target decides, and those it fills in where the stack says nothing."""

from __future__ import annotations

from collections.abc import Mapping

MANAGED: Mapping[str, str] = {
    "HOST": "containers listen in the private network",
    "PORT": "`ports: {app: …}` sets the port on the host",
    "METRICS_PORT": "`ports: {metrics: …}` sets the port on the host",
    "MEMORY_DATA_DIR": "data is in PostgreSQL, on a volume",
    "DATABASE_URL": "use postgresPassword",
    "QDRANT_URL": "the stack runs its own",
    "QDRANT_API_KEY": "use qdrantApiKey",
    "ALERTS_HOST": "containers listen in the private network",
    "ALERTS_PORT": "`ports: {alerts: …}` sets the port on the host",
    "ALERTS_TOKEN": "use alertsToken",
    "FC_SERVER_PORT": "is for Function Compute",
    "FC_RUNTIME": "is for Function Compute",
    "RENDER_DEPLOYMENT": "is for Render",
    "DAEMON_IDLE_MINUTES": "is for a laptop's daemon",
}


def app_settings(given: Mapping[str, str], domain: str | None) -> dict[str, str]:
    """Return the settings of every container of the app: what the stack gives, over this target's defaults."""
    defaults = {"AUTH": "required", "LOG_FORMAT": "json"}
    if domain is not None:
        defaults |= {"PUBLIC_URL": f"https://{domain}", "ALLOWED_HOSTS": domain}
    return {**defaults, **given}
