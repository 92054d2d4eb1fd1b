"""Scrape jobs: their names, which alert rules refer to, and what a target lets Prometheus scrape in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

APP_JOB, WORKER_JOB, QDRANT_JOB, POSTGRES_JOB, NODE_JOB = "claude-memory", "worker", "qdrant", "postgres", "node"
ALERTS_JOB, ALERTMANAGER_JOB, PROXY_JOB, ARCHIVE_JOB = "alerts", "alertmanager", "proxy", "log-archive"
JOBS = frozenset(value for name, value in vars().copy().items() if name.endswith("_JOB"))
CERTIFICATE = "certificate"  # what a rule needs that is about one: a worker that looks at it
STANDBY = "standby"  # what rules about one need
# Jobs that need a credential: the file it is in, beside prometheus.yml.
CREDENTIALS = {QDRANT_JOB: "qdrant_api_key", ALERTS_JOB: "alerts_token"}


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A name in DNS with an address for each instance of a service, all of which serve metrics at the same port."""

    name: str
    port: int


@dataclass(frozen=True, kw_only=True)
class ScrapeJob:
    """One job: of fixed addresses, host:port as Prometheus reaches them, or of all that a lookup finds.

    labels: added to every series of fixed addresses.
    """

    name: str
    addresses: Sequence[str] = ()
    lookup: Lookup | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
