"""Which settings each service of the app gets, as far as they are known before anything is made.

Addresses of stores and secrets of the stack's own are stand-ins: that they are set is what rules ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import secret_names
from app.settings.rules import ALERTS, BACKUP, INIT, SERVE, WORKER
from infra.render.app_settings import (
    BACKUPS_ONLY,
    known_job,
    known_receiver,
    known_shared,
    known_web,
    known_worker,
)
from infra.render.config import RenderConfig

PORT = 10_000  # what Render sets
_DATABASE_URL = "postgresql://user:password@host:5432/name"
_SECRET = "x" * 46


def container_settings(options: RenderConfig, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings of each kind of container, by its mode in app.settings.rules.

    given: the stack's settings of the app, secret ones too.
    """
    stores = {"DATABASE_URL": _DATABASE_URL}
    index = {} if options.qdrant is None else {"QDRANT_URL": "http://host:6333", "QDRANT_API_KEY": _SECRET}
    shared = {**known_shared(given), **stores, **index}
    token = {"ADMIN_TOKEN": options.admin_token.get_secret_value()}
    web = {**shared, **known_web(options, given), **token, "PORT": str(PORT)}
    found = {SERVE: web}
    if not options.web_is_free:
        found[INIT] = web
    if options.worker is not None:
        found[WORKER] = {**shared, **known_worker(options, given)}
    if options.cron is not None and "BACKUP_TO" in given:
        found[BACKUP] = {**_without_secrets_of_others(known_job(given, backs_up=True), BACKUPS_ONLY), **stores}
    if options.monitoring is not None and options.monitoring.remote_write is None:
        found[ALERTS] = {**known_receiver(given), "ALERTS_TOKEN": _SECRET}
    return found


def _without_secrets_of_others(settings: Mapping[str, str], own: str) -> dict[str, str]:
    """Return settings without secret ones, except those whose names begin so."""
    secret = set(secret_names())
    return {name: value for name, value in settings.items() if name not in secret or name.startswith(own)}
