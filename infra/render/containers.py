"""Which settings each service of the app gets, as far as they are known before anything is made.

Addresses of other services and passwords of the stack's own are stand-ins: that they are set is what rules ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import secret_names
from app.settings.rules import ALERTS, BACKUP, SERVE, WORKER
from infra.render.app_settings import known_job, known_receiver, known_shared, known_web, known_worker
from infra.render.config import RenderConfig

_DATABASE_URL = "postgresql://user:password@host:5432/name"
_SECRET = "x" * 46
_PORT = "10000"  # what Render sets unless a service has a PORT of its own


def container_settings(options: RenderConfig, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings of each service of the stack that has rules, by its mode in app.settings.rules.

    given: the stack's settings of the app, secret ones too.
    """
    shared = {**known_shared(given), "DATABASE_URL": _DATABASE_URL}
    if options.qdrant is not None:
        shared |= {"QDRANT_URL": "http://host:6333", "QDRANT_API_KEY": _SECRET}
    token = options.admin_token.get_secret_value()
    settings = {SERVE: {"PORT": _PORT, **shared, **known_web(options, given), "ADMIN_TOKEN": token}}
    if options.worker is not None:
        settings[WORKER] = {**shared, **known_worker(options, given)}
    if options.cron is not None:
        settings[BACKUP] = {**known_job(_for_backups(given), backs_up=True), "DATABASE_URL": _DATABASE_URL}
    if options.monitoring is not None and options.monitoring.remote_write is None:
        settings[ALERTS] = {**known_receiver(given), "ALERTS_TOKEN": _SECRET}
    return settings


def _for_backups(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings without the secrets that a cron job for backups does not get."""
    others = {name for name in secret_names() if not name.startswith("BACKUP_")}
    return {name: value for name, value in given.items() if name not in others}
