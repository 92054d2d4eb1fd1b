"""Settings of the app that this target sets itself, and defaults for those that a stack may set."""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import Settings

MANAGED: Mapping[str, str] = {
    "HOST": "services listen on every address of their container",
    "PORT": "Render sets it",
    "METRICS_PORT": "Prometheus scrapes a fixed one",
    "AUTH": "a service on the internet asks everyone for a token",
    "MEMORY_DATA_DIR": "data is in PostgreSQL",
    "DATABASE_URL": "the stack has its own PostgreSQL; see the key postgres",
    "ADMIN_DATABASE_URL": "the role that Render makes may create what is needed",
    "ADMIN_TOKEN": "use adminToken",
    "ALERTS_HOST": "services listen on every address of their container",
    "ALERTS_PORT": "Alertmanager expects a fixed one",
    "ALERTS_TOKEN": "use alertsToken",
    **{name.upper(): "is for Function Compute" for name in Settings.model_fields if name.startswith("fc_")},
    "RENDER": "is Render's own",
    "RENDER_DEPLOYMENT": "it is set on Render",
    "DAEMON_IDLE_MINUTES": "is for a laptop's daemon",
}
DEFAULTS: Mapping[str, str] = {"LOG_FORMAT": "json"}
