"""Settings of the app that this target sets itself, and defaults for those that a stack may set."""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import Settings

_ALERTS = "no alert receiver runs on Function Compute; see the key alarms"
MANAGED: Mapping[str, str] = {
    "HOST": "the function listens on every address of its instance",
    "PORT": "use function.port",
    "METRICS_PORT": "nothing can scrape an instance; see the key alarms",
    "AUTH": "a function on the internet asks everyone for a token",
    "MEMORY_DATA_DIR": "an instance has one place to write, and it goes with the instance",
    "ADMIN_DATABASE_URL": "the database's own user prepares it",
    "ADMIN_TOKEN": "use adminToken",
    "RENDER": "is Render's own",
    "RENDER_DEPLOYMENT": "is for Render",
    "DAEMON_IDLE_MINUTES": "is for a laptop's daemon",
    **{name.upper(): "is the platform's own" for name in Settings.model_fields if name.startswith("fc_")},
    **{name.upper(): _ALERTS for name in Settings.model_fields if name.startswith("alerts_")},
}
DEFAULTS: Mapping[str, str] = {
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "INFO",
    "DASHSCOPE_BASE_URL": str(Settings.model_fields["dashscope_base_url"].default),
}
