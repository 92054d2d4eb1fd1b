"""Prometheus: what it scrapes, the rules it judges by, and its container, which reads changed files again by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import yaml

from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.rules import ALERTS_JOB, QDRANT_JOB, rules_file
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

PORT = 9090
DATA = "/prometheus"
# Prometheus does not repeat a notification that failed, as at a start before Alertmanager's: the next one must be soon.
# It tells Alertmanager to take an alert as over after four times this without a word.
RESEND_S = 15
INTERVAL_S = 5  # an alert's own time plus 15 s: one scrape, one evaluation, one delivery
KEPT = "30d"
CREDENTIALS = {QDRANT_JOB: "qdrant_api_key", ALERTS_JOB: "alerts_token"}  # files of the jobs that ask for one


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """targets: host:port by job, as seen from the engine. tasks_image_id: the app's, which asks it to reload."""

    engine: Engine
    image_id: pulumi.Input[str]
    tasks_image_id: pulumi.Input[str]
    limit: Limit
    published: int
    targets: Mapping[str, Sequence[str]]
    alertmanager: str
    qdrant_api_key: pulumi.Input[str]
    alerts_token: pulumi.Input[str]
    keep_data: bool


class Prometheus(pulumi.ComponentResource):
    """The server; `listener` is where it is reached, on loopback of its host as well."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Prometheus", name, None, opts)
        self.listener = Listener(engine=args.engine, alias="prometheus", internal=PORT, published=args.published)
        data = data_volume(f"{name}-data", args.engine, args.keep_data, self)
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user="65534:65534",  # the image's own, nobody
                command=[
                    f"--config.file={FOLDER}/prometheus.yml",
                    f"--storage.tsdb.path={DATA}",
                    f"--storage.tsdb.retention.time={KEPT}",
                    f"--rules.alert.resend-delay={RESEND_S}s",
                    "--web.enable-lifecycle",
                    "--web.listen-address=0.0.0.0:9090",
                ],
                files={
                    "prometheus.yml": configuration(args.targets, args.alertmanager),
                    "rules.yml": rules_file(),
                    CREDENTIALS[QDRANT_JOB]: args.qdrant_api_key,
                    CREDENTIALS[ALERTS_JOB]: args.alerts_token,
                },
                files_reloaded=True,
                volumes={DATA: data},
                ports=self.listener.binds(operator=True),
                health=Health(command=["wget", "--quiet", "--spider", f"http://127.0.0.1:{PORT}/-/ready"]),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        Reload(
            f"{name}-reload",
            ReloadArgs(
                service=self.service,
                engine=args.engine,
                image_id=args.tasks_image_id,
                url=f"http://{self.listener.alias}:{PORT}/-/reload",
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})


def configuration(targets: Mapping[str, Sequence[str]], alertmanager: str) -> str:
    """Return prometheus.yml."""
    jobs = []
    for job, addresses in targets.items():
        entry: dict[str, object] = {"job_name": job, "static_configs": [{"targets": list(addresses)}]}
        if job in CREDENTIALS:
            entry["authorization"] = {"credentials_file": f"{FOLDER}/{CREDENTIALS[job]}"}
        jobs.append(entry)
    return str(
        yaml.safe_dump(
            {
                "global": {
                    "scrape_interval": f"{INTERVAL_S}s",
                    "scrape_timeout": f"{INTERVAL_S - 1}s",
                    "evaluation_interval": f"{INTERVAL_S}s",
                },
                "rule_files": [f"{FOLDER}/rules.yml"],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
                "scrape_configs": jobs,
            },
            sort_keys=False,
        )
    )
