"""Prometheus: what it scrapes, the rules it judges by, and its container, which reads changed files again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.monitoring.jobs import ALERTS_JOB, CREDENTIALS, QDRANT_JOB, ScrapeJob
from infra.monitoring.prometheus import MAIN_FILE, PORT, RULES_FILE, arguments, configuration
from infra.monitoring.rules import rules_file
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

DATA = "/prometheus"


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """jobs: what is scraped. tasks_image_id: the app's, which asks it to reload."""

    engine: Engine
    image_id: pulumi.Input[str]
    tasks_image_id: pulumi.Input[str]
    limit: Limit
    published: int
    jobs: Sequence[ScrapeJob]
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
                command=arguments(FOLDER, DATA),
                files={
                    MAIN_FILE: configuration(args.jobs, args.alertmanager),
                    RULES_FILE: rules_file(),
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
