"""The container of Prometheus, which reloads changed files; its volume keeps the time series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.monitoring.jobs import ALERTS_JOB, CREDENTIALS, QDRANT_JOB, ScrapeJob
from infra.monitoring.prometheus import MAIN_FILE, PORT, RULES_FILE, arguments, configuration
from infra.monitoring.rules import rules_file
from infra.selfhost.files import FOLDER
from infra.selfhost.hardening import NOBODY
from infra.selfhost.health import wget
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

DATA = "/prometheus"


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """alertmanager: host:port, seen from the engine, like the addresses of the jobs."""

    placement: Placement
    app_image_id: pulumi.Input[str]
    jobs: Sequence[ScrapeJob]
    alertmanager: str
    qdrant_api_key: pulumi.Input[str]
    alerts_token: pulumi.Input[str]


class Prometheus(SingleService):
    """Scrapes the stack and evaluates the alert rules."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="prometheus",
                user=NOBODY,
                command=arguments(FOLDER, DATA),
                files={
                    MAIN_FILE: configuration(args.jobs, args.alertmanager),
                    RULES_FILE: rules_file(),
                    CREDENTIALS[QDRANT_JOB]: args.qdrant_api_key,
                    CREDENTIALS[ALERTS_JOB]: args.alerts_token,
                },
                files_reloaded=True,
                health=wget(PORT, "/-/ready"),
            ),
            opts,
            port=PORT,
            operator=True,
            data={DATA: "data"},
            reload_image_id=args.app_image_id,
        )
