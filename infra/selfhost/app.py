"""The memory app on its hosts: `init`, which prepares the database, then replicas one by one, and workers.

Replicas take turns among the hosts. Each host has a worker, of which one leads; with the others a host can be lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
class AppHost:
    """A host of the app. placement: of the first replica.

    settings: of every container, as this host reaches the stores. certificate_url: where its worker sees the
    certificate; None: there is none.
    """

    placement: Placement
    settings: AppSettings
    certificate_url: str | None


@dataclass(frozen=True, kw_only=True)
class AppArgs:
    """published_metrics: the first replica's metrics port on its host. init_settings: secret ones for `init` alone.

    edge, monitoring: engines from which replicas, and metrics, are used.
    """

    hosts: Sequence[AppHost]
    replicas: int
    worker_limit: Limit
    published_metrics: int
    init_settings: Mapping[str, pulumi.Input[str]]
    edge: Engine
    monitoring: Engine


class App(pulumi.ComponentResource):
    """`metrics`: one for each replica. `worker_metrics`: one for each worker. Commands run in `worker_name`.

    `listeners`: one for each replica that there may ever be, since the proxy is told of them once.
    """

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:App", name, None, opts)
        self._args = args
        self.init = self._init(f"{name}-init")
        # The status of `init` is part of the environment of every other container, so that they wait for it.
        self._after_init = {"CLAUDE_MEMORY_INIT": self.init.done.apply(str)}
        self.listeners = [self._listener(number) for number in range(MOST_REPLICAS)]
        self.metrics = [self._metrics(number) for number in range(args.replicas)]
        before: list[pulumi.Resource] = []
        for number in range(args.replicas):
            replica = self._replica(f"{name}-{number + 1}", number, before)
            before = [replica.container]  # one by one: the next is touched when this one is healthy
        self.worker_name = f"{name}-worker"
        self.worker_metrics: list[Listener] = []
        for number, host in enumerate(args.hosts, start=1):
            worker = self._worker(name, "" if number == 1 else f"-{number}", host)
        self.register_outputs({"worker": worker.container.id})

    def _host(self, number: int) -> AppHost:
        """Return the host of a replica."""
        return self._args.hosts[number % len(self._args.hosts)]

    def _init(self, name: str) -> Task:
        host = self._args.hosts[0]
        settings = host.settings.extended({}, self._args.init_settings)
        return Task(
            name,
            TaskArgs(
                engine=host.placement.engine,
                image_id=host.placement.image_id,
                user=USER,
                command=["init"],
                environment=settings.environment,
                files=settings.files,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _replica(self, name: str, number: int, before: list[pulumi.Resource]) -> Service:
        host, listener, metrics = self._host(number), self.listeners[number], self.metrics[number]
        settings = host.settings.extended(self._after_init)
        return Service(
            name,
            ServiceArgs(
                placement=host.placement,
                alias=listener.alias,
                user=USER,
                command=["serve"],
                environment=settings.environment,
                files=settings.files,
                ports=[*listener.binds(self._args.edge), *metrics.binds(self._args.monitoring)],
                health=app_check(PORT, "/ready"),
            ),
            pulumi.ResourceOptions(parent=self, depends_on=before),
        )

    def _worker(self, name: str, suffix: str, host: AppHost) -> Service:
        metrics = Listener(
            engine=host.placement.engine,
            alias=f"worker{suffix}",
            internal=METRICS_PORT,
            published=self._args.published_metrics + _WORKER_STEP,
        )
        self.worker_metrics.append(metrics)
        settings = host.settings.extended(self._after_init)
        backups = data_volume(f"{name}-backups{suffix}", host.placement.engine, host.placement.keep_data, self)
        own = {"BACKUP_TO": BACKUPS}
        if host.certificate_url is not None:
            own["CERTIFICATE_URL"] = host.certificate_url
        return Service(
            f"{self.worker_name}{suffix}",
            ServiceArgs(
                placement=replace(host.placement, limit=self._args.worker_limit),
                alias=metrics.alias,
                user=USER,
                command=["worker"],
                environment={**own, **settings.environment},
                files=settings.files,
                volumes={BACKUPS: backups},
                ports=metrics.binds(self._args.monitoring),
                health=app_check(METRICS_PORT, "/health"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _listener(self, number: int) -> Listener:
        placement = self._host(number).placement
        return Listener(
            engine=placement.engine,
            alias=f"app-{number + 1}",
            internal=PORT,
            published=placement.published + number,
        )

    def _metrics(self, number: int) -> Listener:
        return Listener(
            engine=self._host(number).placement.engine,
            alias=f"app-{number + 1}",
            internal=METRICS_PORT,
            published=self._args.published_metrics + _METRICS_STEP * number,
        )
