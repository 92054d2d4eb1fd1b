"""The exporters, through which Prometheus sees hosts and PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.selfhost import database
from infra.selfhost.files import FOLDER
from infra.selfhost.hardening import NOBODY
from infra.selfhost.health import wget
from infra.selfhost.hosts import Engine
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

NODE_PORT, POSTGRES_PORT = 9100, 9187


@dataclass(frozen=True, kw_only=True)
class NodeExporterArgs:
    """monitoring: the engine Prometheus runs on."""

    placement: Placement
    monitoring: Engine


class NodeExporter(SingleService):
    """CPU, memory and disks of one host, read from its own file systems."""

    def __init__(self, name: str, args: NodeExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="node-exporter",
                user=NOBODY,
                command=["--path.rootfs=/host", "--no-collector.wifi", f"--web.listen-address=:{NODE_PORT}"],
                host_folders={"/host": "/"},
                health=wget(NODE_PORT),
            ),
            opts,
            port=NODE_PORT,
            users=[args.monitoring],
        )


@dataclass(frozen=True, kw_only=True)
class PostgresExporterArgs:
    """database: host:port, seen from the engine."""

    placement: Placement
    alias: str
    database: str
    password: pulumi.Input[str]


class PostgresExporter(SingleService):
    """Metrics of PostgreSQL, `pg_up` among them."""

    def __init__(self, name: str, args: PostgresExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias=args.alias,
                user=NOBODY,
                environment={
                    "DATA_SOURCE_URI": f"{args.database}/{database.DATABASE}?sslmode=disable",
                    "DATA_SOURCE_USER": database.USER,
                    "DATA_SOURCE_PASS_FILE": f"{FOLDER}/password",
                },
                files={"password": args.password},
                health=wget(POSTGRES_PORT),
            ),
            opts,
            port=POSTGRES_PORT,
        )
