"""What makes hosts and PostgreSQL visible to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.selfhost import database
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import Health, Service, ServiceArgs

NODE_PORT, POSTGRES_PORT = 9100, 9187
_NOBODY = "65534:65534"


@dataclass(frozen=True, kw_only=True)
class NodeExporterArgs:
    """monitoring: the engine Prometheus runs on."""

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    published: int
    monitoring: Engine


class NodeExporter(pulumi.ComponentResource):
    """CPU, memory and disks of one host, read from its own file systems."""

    def __init__(self, name: str, args: NodeExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:NodeExporter", name, None, opts)
        self.listener = Listener(
            engine=args.engine, alias="node-exporter", internal=NODE_PORT, published=args.published
        )
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user=_NOBODY,
                command=["--path.rootfs=/host", "--no-collector.wifi", f"--web.listen-address=:{NODE_PORT}"],
                host_folders={"/host": "/"},
                ports=self.listener.binds(args.monitoring),
                health=Health(command=http_health(NODE_PORT)),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})


@dataclass(frozen=True, kw_only=True)
class PostgresExporterArgs:
    """database: host:port as seen from the engine."""

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    database: str
    password: pulumi.Input[str]


class PostgresExporter(pulumi.ComponentResource):
    """Numbers of PostgreSQL, `pg_up` among them."""

    def __init__(self, name: str, args: PostgresExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:PostgresExporter", name, None, opts)
        self.listener = Listener(
            engine=args.engine, alias="postgres-exporter", internal=POSTGRES_PORT, published=POSTGRES_PORT
        )
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias=self.listener.alias,
                limit=args.limit,
                user=_NOBODY,
                environment={
                    "DATA_SOURCE_URI": f"{args.database}/{database.DATABASE}?sslmode=disable",
                    "DATA_SOURCE_USER": database.USER,
                    "DATA_SOURCE_PASS_FILE": f"{FOLDER}/password",
                },
                files={"password": args.password},
                health=Health(command=http_health(POSTGRES_PORT)),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})


def http_health(port: int, path: str = "/") -> list[str]:
    """Return a question for images whose only client is busybox' wget."""
    return ["wget", "--quiet", "--spider", f"http://127.0.0.1:{port}{path}"]
