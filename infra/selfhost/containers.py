"""Which settings each container of the app gets, as far as they are known before anything is made.

Addresses of other containers and passwords of the stack's own are stand-ins: that they are set is what rules ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.rules import ALERTS, INIT, SERVE, WAL, WORKER
from infra.selfhost import log_spool, receiver
from infra.selfhost.app import BACKUPS
from infra.selfhost.app_settings import ADDRESS, DATA, METRICS_PORT, PORT, is_read_by_receiver
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
    archive = {} if options.wal_archive is None else {WAL: {**stack, **_archive(options.wal_archive)}}
    certificate = {"CERTIFICATE_URL": "https://host:8443"} if options.domain is not None else {}
    return {
        **archive,
        SERVE: shared,
        WORKER: {"BACKUP_TO": BACKUPS, **certificate, **shared},
        INIT: {**shared, "ADMIN_DATABASE_URL": _DATABASE_URL, "ADMIN_TOKEN": options.admin_token.get_secret_value()},
        ALERTS: {
            **{name: value for name, value in stack.items() if is_read_by_receiver(name)},
            "ALERTS_HOST": ADDRESS,
            "ALERTS_PORT": str(receiver.PORT),
            "ALERTS_TOKEN": _SECRET,
            "MEMORY_DATA_DIR": receiver.DATA,
        },
    }


def _archive(to: str) -> dict[str, str]:
    return {
        "HOST": ADDRESS,
        "METRICS_PORT": str(METRICS_PORT),
        "MEMORY_DATA_DIR": DATA,
        "WAL_ARCHIVE_TO": to,
        "WAL_SPOOL": log_spool.SPOOL,
    }
