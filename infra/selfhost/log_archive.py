"""PostgreSQL's log in a bucket: the two containers beside the server.

The server puts each finished file of its log into a volume, the spool (`log_spool.py`). A container of its own image
makes base backups there, a container of the app's image moves all of it to the bucket, encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_docker as docker

from infra.selfhost.app import USER
from infra.selfhost.app_settings import ADDRESS, DATA, METRICS_PORT, AppSettings
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.health import Health, app_check
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.log_spool import SPOOL, SWITCH_S, script
from infra.selfhost.service import Placement, Service, ServiceArgs

_EVERY_S = 10  # as app/wal/spool.py expects it


@dataclass(frozen=True, kw_only=True)
class LogArchiveArgs:
    """database: the server, placed with its image. archive: the archive, placed with the app's.

    host, port: of the server, seen from its own engine. spool: the volume that both share with the server.
    settings: the stack's, those of the bucket among them. to: s3://bucket/prefix.
    """

    database: Placement
    archive: Placement
    superuser: str
    password: pulumi.Input[str]
    host: str
    port: int
    spool: docker.Volume
    settings: AppSettings
    to: str
    monitoring: Engine


class LogArchive(pulumi.ComponentResource):
    """`listener`: where the archive's metrics are."""

    def __init__(self, name: str, args: LogArchiveArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:LogArchive", name, None, opts)
        self.listener = Listener(
            engine=args.archive.engine,
            alias="archive",
            internal=METRICS_PORT,
            published=args.archive.published,
        )
        self.archive = self._archive(f"{name}-archive", args)
        self.base = self._base(f"{name}-base", args)
        self.register_outputs({"archive": self.archive.container.id, "base": self.base.container.id})

    def _archive(self, name: str, args: LogArchiveArgs) -> Service:
        settings = args.settings.extended(
            {
                "HOST": ADDRESS,
                "METRICS_PORT": str(METRICS_PORT),
                "MEMORY_DATA_DIR": DATA,
                "WAL_ARCHIVE_TO": args.to,
                "WAL_SPOOL": SPOOL,
            }
        )
        return Service(
            name,
            ServiceArgs(
                placement=args.archive,
                alias=self.listener.alias,
                user=USER,
                command=["wal", "ship"],
                environment=settings.environment,
                files=settings.files,
                volumes={SPOOL: args.spool},
                ports=self.listener.binds(args.monitoring),
                health=app_check(METRICS_PORT, "/health"),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _base(self, name: str, args: LogArchiveArgs) -> Service:
        values: Mapping[str, str] = {
            "SPOOL": SPOOL,
            "PASSWORD_FILE": f"{FOLDER}/password",
            "PGHOST": args.host,
            "PGPORT": str(args.port),
            "PGUSER": args.superuser,
            "EVERY_S": str(_EVERY_S),
            "SWITCH_S": str(SWITCH_S),
        }
        reported = f'[ -n "$(find {SPOOL} -maxdepth 2 -name status -mmin -2)" ]'
        return Service(
            name,
            ServiceArgs(
                placement=replace(args.database, limit=Limit(memory_mb=128, cpus=1.0)),
                alias="base",
                user=args.superuser,  # the image's user of the same name
                command=["sh", f"{FOLDER}/base.sh"],
                files={"base.sh": script("base.sh", **values), "password": args.password},
                volumes={SPOOL: args.spool},
                health=Health(command=["sh", "-c", reported], every_s=15),
            ),
            pulumi.ResourceOptions(parent=self),
        )
