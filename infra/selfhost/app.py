"""The memory app on the app host: the database prepared, replicas that roll one by one, a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import pulumi
import pulumi_docker as docker

from infra.selfhost import database
from infra.selfhost.config import Limits
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.task import Task, TaskArgs
from infra.selfhost.volumes import data_volume

PORT, METRICS_PORT = 8000, 8080
USER = "65532:65532"  # the image's own, app/Dockerfile
# Published metrics ports on a host of its own: replicas at steps above the first, the worker where none ever comes.
_METRICS_STEP, _WORKER_STEP = 100, 10
DATA = "/tmp/claude-memory"  # noqa: S108 - a tmpfs: nothing is kept here
BACKUPS = "/var/lib/claude-memory/backups"


@dataclass(frozen=True, kw_only=True)
class AppArgs:
    """environment, secrets: settings of the app, by name, for every role.

    database, qdrant: host:port as seen from this engine. edge, monitoring: engines that reach the replicas.
    """

    engine: Engine
    image_id: pulumi.Input[str]
    replicas: int
    limits: Limits
    environment: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]]
    database: str
    database_password: pulumi.Input[str]
    admin_password: pulumi.Input[str]
    admin_token: pulumi.Input[str]
    qdrant: str
    qdrant_api_key: pulumi.Input[str]
    published: int
    published_metrics: int
    edge: Engine
    monitoring: Engine
    keep_data: bool


class App(pulumi.ComponentResource):
    """`listeners` and `metrics`: one of each a replica; `worker_metrics`: the worker's; commands are run in it."""

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:App", name, None, opts)
        environment, files = _shared(args)
        self.init = self._init(f"{name}-init", args, environment, files)
        # Every later container waits for a run that succeeded: its status is part of their environment.
        environment = {**environment, "CLAUDE_MEMORY_INIT": self.init.done.apply(str)}
        self.listeners: list[Listener] = []
        self.metrics: list[Listener] = []
        before: list[pulumi.Resource] = []
        for number in range(args.replicas):
            replica = self._replica(f"{name}-{number + 1}", number, args, environment, files, before)
            before = [replica.container]  # one by one: the next is touched when this one is healthy
        self.worker_name = f"{name}-worker"
        self.worker_metrics = Listener(
            engine=args.engine,
            alias="worker",
            internal=METRICS_PORT,
            published=args.published_metrics + _WORKER_STEP,
        )
        backups = data_volume(f"{name}-backups", args.engine, args.keep_data, self)
        self.worker = self._worker(args, environment, files, backups)
        self.register_outputs({"worker": self.worker.container.id})

    def _init(
        self,
        name: str,
        args: AppArgs,
        environment: Mapping[str, pulumi.Input[str]],
        files: Mapping[str, pulumi.Input[str]],
    ) -> Task:
        secrets = {
            "ADMIN_DATABASE_URL": _url(database.ADMIN, args.admin_password, args.database, "postgres"),
            "ADMIN_TOKEN": args.admin_token,
        }
        return Task(
            name,
            TaskArgs(
                engine=args.engine,
                image_id=args.image_id,
                user=USER,
                command=["init"],
                environment={**environment, **_file_names(secrets)},
                files={**files, **secrets},
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _worker(
        self,
        args: AppArgs,
        environment: Mapping[str, pulumi.Input[str]],
        files: Mapping[str, pulumi.Input[str]],
        backups: docker.Volume,
    ) -> Service:
        return Service(
            self.worker_name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.worker_metrics.alias,
                limit=args.limits.worker,
                user=USER,
                command=["worker"],
                environment={"BACKUP_TO": BACKUPS, **environment},
                files=files,
                volumes={BACKUPS: backups},
                ports=self.worker_metrics.binds(args.monitoring),
                health=_health(METRICS_PORT, "/health"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _replica(
        self,
        name: str,
        number: int,
        args: AppArgs,
        environment: Mapping[str, pulumi.Input[str]],
        files: Mapping[str, pulumi.Input[str]],
        before: list[pulumi.Resource],
    ) -> Service:
        listener = Listener(
            engine=args.engine, alias=f"app-{number + 1}", internal=PORT, published=args.published + number
        )
        metrics = Listener(
            engine=args.engine,
            alias=listener.alias,
            internal=METRICS_PORT,
            published=args.published_metrics + _METRICS_STEP * number,
        )
        self.listeners.append(listener)
        self.metrics.append(metrics)
        return Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=listener.alias,
                limit=args.limits.app,
                user=USER,
                command=["serve"],
                environment=environment,
                files=files,
                ports=[*listener.binds(args.edge), *metrics.binds(args.monitoring)],
                health=_health(PORT, "/ready"),
            ),
            pulumi.ResourceOptions(parent=self, depends_on=before),
        )


def _shared(args: AppArgs) -> tuple[dict[str, pulumi.Input[str]], dict[str, pulumi.Input[str]]]:
    """Return the environment and the files of every container of the app."""
    secrets = {
        **args.secrets,
        "DATABASE_URL": _url(database.USER, args.database_password, args.database, database.DATABASE),
        "QDRANT_API_KEY": args.qdrant_api_key,
    }
    environment: dict[str, pulumi.Input[str]] = {
        **args.environment,
        "HOST": "0.0.0.0",  # noqa: S104 - in the private network
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "MEMORY_DATA_DIR": DATA,
        "QDRANT_URL": f"http://{args.qdrant}",
        **_file_names(secrets),
    }
    return environment, secrets


def _file_names(secrets: Mapping[str, pulumi.Input[str]]) -> dict[str, str]:
    return {f"{name}_FILE": f"{FOLDER}/{name}" for name in secrets}


def _url(user: str, password: pulumi.Input[str], address: str, name: str) -> pulumi.Output[str]:
    return pulumi.Output.secret(password).apply(
        lambda value: f"postgresql://{user}:{quote(value, safe='')}@{address}/{name}"
    )


def _health(port: int, path: str) -> Health:
    return Health(command=["python3", "-m", "app.process.healthcheck", f"http://127.0.0.1:{port}{path}"])
