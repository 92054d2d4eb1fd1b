"""Scrape jobs: their names, which alert rules refer to, and what a target lets Prometheus scrape in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

APP_JOB, WORKER_JOB, QDRANT_JOB, POSTGRES_JOB, NODE_JOB = "claude-memory", "worker", "qdrant", "postgres", "node"
ALERTS_JOB, ALERTMANAGER_JOB, PROXY_JOB = "alerts", "alertmanager", "proxy"
# Jobs that need a credential: the file it is in, beside prometheus.yml.
CREDENTIALS = {QDRANT_JOB: "qdrant_api_key", ALERTS_JOB: "alerts_token"}


@dataclass(frozen=True, kw_only=True)
class ScrapeJob:
    """One job. addresses: host:port as Prometheus reaches them. labels: added to every series of the job."""

    name: str
    addresses: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
