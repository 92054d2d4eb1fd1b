"""The memory app on the app host: `init`, which prepares the database, then replicas one by one, and a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from infra.selfhost.app_settings import METRICS_PORT, PORT, AppSettings
from infra.selfhost.config import MOST_REPLICAS, Limit
from infra.selfhost.health import app_check
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Placement, Service, ServiceArgs
from infra.selfhost.task import Task, TaskArgs
from infra.selfhost.volumes import data_volume

USER = "65532:65532"  # the image's own, app/Dockerfile
# Metrics ports published on the host: replicas are this far apart, so the worker's is never a replica's.
_METRICS_STEP, _WORKER_STEP = 100, 10
BACKUPS = "/var/lib/claude-memory/backups"


@dataclass(frozen=True, kw_only=True)
class AppArgs:
    """placement: of the first replica. published_metrics: the first replica's metrics port on the host.

    settings: of every container. init_settings: secret ones for `init` alone.
    edge, monitoring: engines from which replicas, and metrics, are used. certificate_url: where the worker sees the
    certificate; None: there is none.
    """

    placement: Placement
    replicas: int
    worker_limit: Limit
    published_metrics: int
    settings: AppSettings
    init_settings: Mapping[str, pulumi.Input[str]]
    edge: Engine
    monitoring: Engine
    certificate_url: str | None


class App(pulumi.ComponentResource):
    """`metrics`: one for each replica. `worker_metrics`: the worker's. Commands run in `worker_name`.

    `listeners`: one for each replica that there may ever be, since the proxy is told of them once.
    """

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:App", name, None, opts)
        self.init = self._init(f"{name}-init", args)
        # The status of `init` is part of the environment of every other container, so that they wait for it.
        settings = args.settings.extended({"CLAUDE_MEMORY_INIT": self.init.done.apply(str)})
        self.listeners = [_replica_listener(args, number) for number in range(MOST_REPLICAS)]
        self.metrics = [_replica_metrics(args, number) for number in range(args.replicas)]
        before: list[pulumi.Resource] = []
        for number in range(args.replicas):
            replica = self._replica(f"{name}-{number + 1}", number, args, settings, before)
            before = [replica.container]  # one by one: the next is touched when this one is healthy
        self.worker_name = f"{name}-worker"
        self.worker_metrics = Listener(
            engine=args.placement.engine,
            alias="worker",
            internal=METRICS_PORT,
            published=args.published_metrics + _WORKER_STEP,
        )
        self.worker = self._worker(f"{name}-backups", args, settings)
        self.register_outputs({"worker": self.worker.container.id})

    def _init(self, name: str, args: AppArgs) -> Task:
        settings = args.settings.extended({}, args.init_settings)
        return Task(
            name,
            TaskArgs(
                engine=args.placement.engine,
                image_id=args.placement.image_id,
                user=USER,
                command=["init"],
                environment=settings.environment,
                files=settings.files,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _replica(
        self, name: str, number: int, args: AppArgs, settings: AppSettings, before: list[pulumi.Resource]
    ) -> Service:
        listener, metrics = self.listeners[number], self.metrics[number]
        return Service(
            name,
            ServiceArgs(
                placement=args.placement,
                alias=listener.alias,
                user=USER,
                command=["serve"],
                environment=settings.environment,
                files=settings.files,
                ports=[*listener.binds(args.edge), *metrics.binds(args.monitoring)],
                health=app_check(PORT, "/ready"),
            ),
            pulumi.ResourceOptions(parent=self, depends_on=before),
        )

    def _worker(self, backups_name: str, args: AppArgs, settings: AppSettings) -> Service:
        backups = data_volume(backups_name, args.placement.engine, args.placement.keep_data, self)
        own = {"BACKUP_TO": BACKUPS}
        if args.certificate_url is not None:
            own["CERTIFICATE_URL"] = args.certificate_url
        return Service(
            self.worker_name,
            ServiceArgs(
                placement=replace(args.placement, limit=args.worker_limit),
                alias=self.worker_metrics.alias,
                user=USER,
                command=["worker"],
                environment={**own, **settings.environment},
                files=settings.files,
                volumes={BACKUPS: backups},
                ports=self.worker_metrics.binds(args.monitoring),
                health=app_check(METRICS_PORT, "/health"),
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _replica_listener(args: AppArgs, number: int) -> Listener:
    return Listener(
        engine=args.placement.engine,
        alias=f"app-{number + 1}",
        internal=PORT,
        published=args.placement.published + number,
    )


def _replica_metrics(args: AppArgs, number: int) -> Listener:
    return Listener(
        engine=args.placement.engine,
        alias=f"app-{number + 1}",
        internal=METRICS_PORT,
        published=args.published_metrics + _METRICS_STEP * number,
    )
