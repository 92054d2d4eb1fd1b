"""Prometheus: its configuration and its command line, the same on every target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from infra.monitoring.jobs import CREDENTIALS, ScrapeJob

PORT = 9090
MAIN_FILE, RULES_FILE = "prometheus.yml", "rules.yml"
# Prometheus does not retry a failed notification, for example while Alertmanager is still starting, so the next one
# must follow soon. Alertmanager takes an alert as resolved after four times this without an update.
RESEND_S = 15
INTERVAL_S = 5  # an alert arrives within its own `for` plus 15 s: one scrape, one evaluation, one delivery
KEPT = "30d"


def configuration(jobs: Iterable[ScrapeJob], alertmanager: str) -> str:
    """Return prometheus.yml. The files it names are in the same folder; alertmanager: host:port."""
    return str(
        yaml.safe_dump(
            {
                "global": {
                    "scrape_interval": f"{INTERVAL_S}s",
                    "scrape_timeout": f"{INTERVAL_S - 1}s",
                    "evaluation_interval": f"{INTERVAL_S}s",
                },
                "rule_files": [RULES_FILE],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
                "scrape_configs": [_scrape_config(job) for job in jobs],
            },
            sort_keys=False,
        )
    )


def _scrape_config(job: ScrapeJob) -> dict[str, Any]:
    static: dict[str, Any] = {"targets": list(job.addresses)}
    if job.labels:
        static["labels"] = dict(job.labels)
    scrape: dict[str, Any] = {"job_name": job.name, "static_configs": [static]}
    if job.name in CREDENTIALS:
        scrape["authorization"] = {"credentials_file": CREDENTIALS[job.name]}
    return scrape


def arguments(files: str, data: str) -> list[str]:
    """Return the command line. files: the folder with the configuration; data: the folder for the time series."""
    return [
        f"--config.file={files}/{MAIN_FILE}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--rules.alert.resend-delay={RESEND_S}s",
        "--web.enable-lifecycle",
        f"--web.listen-address=0.0.0.0:{PORT}",
    ]
