"""The container of Prometheus, which reloads changed files; its volume keeps the time series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.monitoring.jobs import ALERTS_JOB, CERTIFICATE, CREDENTIALS, QDRANT_JOB, STANDBY, ScrapeJob
from infra.monitoring.prometheus import (
    MAIN_FILE,
    PASSWORD_FILE,
    PORT,
    RULES_FILE,
    RemoteWrite,
    arguments,
    configuration,
)
from infra.monitoring.rules import rules_file
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.files import FOLDER
from infra.selfhost.hardening import NOBODY
from infra.selfhost.health import wget
from infra.selfhost.hosts import LOOPBACK
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

DATA = "/prometheus"


def remote_write(options: SelfhostConfig, stack: str) -> RemoteWrite | None:
    """Return where the stack's series are sent as well; None: nowhere."""
    if options.remote_write is None:
        return None
    return RemoteWrite(
        url=options.remote_write.url,
        username=options.remote_write.username,
        anonymous=options.remote_write_password is None,
        stack=stack,
    )


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """alertmanager: host:port, seen from the engine, like the addresses of the jobs.

    tls: whether clients connect over TLS. standby: whether there is a second PostgreSQL.
    url: of its pages, if not on loopback of its host.
    runbook: as people find it.
    remote: a service that gets all series as well; remote_password: of its user, or its bearer token.
    """

    placement: Placement
    app_image_id: pulumi.Input[str]
    jobs: Sequence[ScrapeJob]
    alertmanager: str
    qdrant_api_key: pulumi.Input[str]
    alerts_token: pulumi.Input[str]
    tls: bool
    standby: bool
    url: str | None
    runbook: str
    remote: RemoteWrite | None = None
    remote_password: pulumi.Input[str] | None = None


class Prometheus(SingleService):
    """Scrapes the stack and evaluates the alert rules."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        has = {job.name for job in args.jobs}
        has |= ({CERTIFICATE} if args.tls else set()) | ({STANDBY} if args.standby else set())
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="prometheus",
                user=NOBODY,
                command=arguments(FOLDER, DATA, args.url or f"http://{LOOPBACK}:{args.placement.published}"),
                files={
                    MAIN_FILE: configuration(args.jobs, args.alertmanager, args.remote),
                    RULES_FILE: rules_file(has, args.runbook),
                    CREDENTIALS[QDRANT_JOB]: args.qdrant_api_key,
                    CREDENTIALS[ALERTS_JOB]: args.alerts_token,
                    **({} if args.remote_password is None else {PASSWORD_FILE: args.remote_password}),
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
