"""Settings of the app that this target sets itself, and defaults for those that a stack may set."""

from __future__ import annotations

from collections.abc import Mapping

from app.settings.fields import Settings
from infra.selfhost.config import SelfhostConfig
from infra.values import PRIVATE_NETWORKS

MANAGED: Mapping[str, str] = {
    "HOST": "containers listen in their private network",
    "PORT": "`ports: {app: …}` sets the port on the host",
    "METRICS_PORT": "`ports: {metrics: …}` sets the port on the host",
    "MEMORY_DATA_DIR": "data is in PostgreSQL, on a volume",
    "DATABASE_URL": "use postgresPassword",
    "QDRANT_URL": "the stack runs its own",
    "QDRANT_API_KEY": "use qdrantApiKey",
    "ADMIN_DATABASE_URL": "use postgresAdminPassword",
    "ADMIN_TOKEN": "use adminToken",
    "WAL_ARCHIVE_TO": "use walArchive",
    "WAL_SPOOL": "the log is on a volume",
    "ALERTS_HOST": "containers listen in their private network",
    "ALERTS_PORT": "`ports: {alerts: …}` sets the port on the host",
    "ALERTS_TOKEN": "use alertsToken",
    **{name.upper(): "is for Function Compute" for name in Settings.model_fields if name.startswith("fc_")},
    "RENDER": "is Render's own",
    "RENDER_DEPLOYMENT": "is for Render",
    "DAEMON_IDLE_MINUTES": "is for a laptop's daemon",
}
_COPIES = 2  # of each shard in a cluster, which then works without one node


def with_defaults(given: Mapping[str, str], options: SelfhostConfig) -> dict[str, str]:
    """Return the settings of every container of the app: the stack's over this target's defaults."""
    nodes = options.qdrant.nodes
    # Caddy calls from the network of its engine, or from the address of its host.
    proxies = ",".join([*PRIVATE_NETWORKS, *_host_networks(options)])
    defaults = {"AUTH": "required", "LOG_FORMAT": "json", "TRUSTED_PROXIES": proxies}
    if nodes > _COPIES:
        defaults |= {
            "QDRANT_SHARDS": str(nodes),
            "QDRANT_REPLICATION_FACTOR": str(_COPIES),
            "QDRANT_WRITE_CONSISTENCY_FACTOR": str(_COPIES),
        }
    if options.domain is not None and options.public_url is not None:
        defaults |= {"PUBLIC_URL": options.public_url, "ALLOWED_HOSTS": options.domain}
    return {**defaults, **given}


def _host_networks(options: SelfhostConfig) -> list[str]:
    """Return the addresses of the stack's hosts."""
    return sorted({one.host.address for one in options.hosts.by_engine().values() if one.host.address is not None})
