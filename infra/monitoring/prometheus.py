"""Prometheus: its configuration and its command line, the same on every target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from infra.monitoring.jobs import CREDENTIALS, ScrapeJob

PORT = 9090
MAIN_FILE, RULES_FILE = "prometheus.yml", "rules.yml"
# Prometheus does not retry a failed notification, for example while Alertmanager is still starting, so the next one
# must follow soon. Alertmanager takes an alert as resolved after four times this without an update.
RESEND_S = 15
INTERVAL_S = 5  # an alert arrives within its own `for` plus 15 s: one scrape, one evaluation, one delivery
# How long a last measurement counts. Usually five minutes: so long a replica that was taken away would count as down
# after a restart, since Prometheus notes the end of a series only while it runs. Shorter than any alert waits.
LOOKBACK_S = 4 * INTERVAL_S
KEPT = "30d"
PASSWORD_FILE = "remote_write_password"  # noqa: S105 - the name of a file
_LOOKUP_S = 15  # how soon a new instance is found


@dataclass(frozen=True, kw_only=True)
class RemoteWrite:
    """A service that takes series by Prometheus' remote write.

    PASSWORD_FILE has the password of the user, or without a user the bearer token; anonymous: there is no such file.
    stack: a label of every series there, where several stacks may send to.
    """

    url: str
    username: str | None = None
    anonymous: bool = False
    stack: str | None = None


def configuration(jobs: Iterable[ScrapeJob], alertmanager: str, remote: RemoteWrite | None = None) -> str:
    """Return prometheus.yml. The files it names are in the same folder.

    alertmanager: host:port. remote: a service that gets all series as well.
    """
    tree: dict[str, Any] = {
        "global": {**_scrape_times(), "evaluation_interval": f"{INTERVAL_S}s"},
        "rule_files": [RULES_FILE],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [_scrape_config(job) for job in jobs],
    }
    if remote is not None:
        tree["remote_write"] = [_remote_write(remote)]
    return _dumped(tree)


def agent_configuration(jobs: Iterable[ScrapeJob], remote: RemoteWrite) -> str:
    """Return prometheus.yml of an agent, which keeps and judges nothing and sends all to a service."""
    return _dumped(
        {
            "global": _scrape_times(),
            "scrape_configs": [_scrape_config(job) for job in jobs],
            "remote_write": [_remote_write(remote)],
        }
    )


def _remote_write(remote: RemoteWrite) -> dict[str, Any]:
    write: dict[str, Any] = {"url": remote.url}
    if remote.stack is not None:
        write["write_relabel_configs"] = [{"target_label": "stack", "replacement": remote.stack}]
    if remote.anonymous:
        return write
    if remote.username is None:
        write["authorization"] = {"credentials_file": PASSWORD_FILE}
    else:
        write["basic_auth"] = {"username": remote.username, "password_file": PASSWORD_FILE}
    return write


def _dumped(tree: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(tree), sort_keys=False))


def _scrape_times() -> dict[str, str]:
    return {"scrape_interval": f"{INTERVAL_S}s", "scrape_timeout": f"{INTERVAL_S - 1}s"}


def _scrape_config(job: ScrapeJob) -> dict[str, Any]:
    scrape: dict[str, Any] = {"job_name": job.name}
    if job.addresses:
        static: dict[str, Any] = {"targets": list(job.addresses)}
        if job.labels:
            static["labels"] = dict(job.labels)
        scrape["static_configs"] = [static]
    if job.lookup is not None:
        scrape["dns_sd_configs"] = [
            {"names": [job.lookup.name], "type": "A", "port": job.lookup.port, "refresh_interval": f"{_LOOKUP_S}s"}
        ]
    if job.name in CREDENTIALS:
        scrape["authorization"] = {"credentials_file": CREDENTIALS[job.name]}
    return scrape


def arguments(files: str, data: str, external_url: str | None = None) -> list[str]:
    """Return the command line.

    files: the folder with the configuration; data: the folder for the time series. external_url: where people find
    its pages, for the links in alerts.
    """
    return [
        f"--config.file={files}/{MAIN_FILE}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--query.lookback-delta={LOOKBACK_S}s",
        f"--rules.alert.resend-delay={RESEND_S}s",
        "--web.enable-lifecycle",
        f"--web.listen-address=0.0.0.0:{PORT}",
        *external_arguments(external_url),
    ]


def external_arguments(url: str | None) -> list[str]:
    """Return the arguments, of Alertmanager too, by which links lead to a URL; it may have a path, the server none."""
    return [] if url is None else [f"--web.external-url={url}", "--web.route-prefix=/"]


def agent_arguments(files: str, data: str) -> list[str]:
    """Return the command line of an agent. data: the folder for what could not be sent yet."""
    return [
        "--agent",
        f"--config.file={files}/{MAIN_FILE}",
        f"--storage.agent.path={data}",
        f"--web.listen-address=0.0.0.0:{PORT}",
    ]
