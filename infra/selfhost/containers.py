"""Which settings each container of the app gets, as far as they are known before anything is made.

Addresses of other containers and passwords of the stack's own are stand-ins: that they are set is what rules ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.rules import ALERTS, INIT, SERVE, WORKER
from infra.selfhost import receiver
from infra.selfhost.app import BACKUPS
from infra.selfhost.app_settings import ADDRESS, DATA, METRICS_PORT, PORT
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.managed import with_defaults

_DATABASE_URL = "postgresql://user:password@host:5432/name"
_SECRET = "x" * 46


def container_settings(options: SelfhostConfig, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings of each kind of container, by its mode in app.settings.rules.

    given: the stack's settings of the app, secret ones too.
    """
    stack = with_defaults(given, options)
    shared = {
        **stack,
        "HOST": ADDRESS,
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "MEMORY_DATA_DIR": DATA,
        "DATABASE_URL": _DATABASE_URL,
        "QDRANT_URL": "http://host:6333",
        "QDRANT_API_KEY": _SECRET,
    }
    return {
        SERVE: shared,
        WORKER: {"BACKUP_TO": BACKUPS, **shared},
        INIT: {**shared, "ADMIN_DATABASE_URL": _DATABASE_URL, "ADMIN_TOKEN": options.admin_token.get_secret_value()},
        ALERTS: {
            **stack,
            "ALERTS_HOST": ADDRESS,
            "ALERTS_PORT": str(receiver.PORT),
            "ALERTS_TOKEN": _SECRET,
            "MEMORY_DATA_DIR": receiver.DATA,
        },
    }
