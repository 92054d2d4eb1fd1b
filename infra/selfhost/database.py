"""PostgreSQL on the data host: settings that follow from its memory, data on volumes that outlive the stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.selfhost import log_spool, twin
from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

ADMIN, DATABASE, USER = "postgres", "claude_memory", "claude_memory"
PORT, ALIAS = 5432, "postgres"
DATA = "/var/lib/postgresql"  # the image's own volume
_SHARE_OF_HOST = 0.5  # of the host's memory; the rest is for Qdrant and the page cache
_LEAST_MB = 256
_HEALTH = ("pg_isready", "--username", ADMIN, "--host", "127.0.0.1")


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """users: engines from which the database is used. other: the server that this one is a twin of, if it is one."""

    placement: Placement
    admin_password: pulumi.Input[str]
    users: tuple[Engine, ...]
    wal_archive: bool = False
    other: twin.Twin | None = None
    alias: str = ALIAS


class Database(SingleService):
    """PostgreSQL; on request it puts its log into a volume, for `LogArchive`, or is one of two."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias=args.alias,
                user=ADMIN,
                command=_command(args),
                environment={
                    "POSTGRES_USER": ADMIN,
                    "POSTGRES_PASSWORD_FILE": f"{FOLDER}/password",
                    "POSTGRES_INITDB_ARGS": "--data-checksums --auth-host=scram-sha-256",
                },
                files={
                    "password": args.admin_password,
                    "postgresql.conf": settings_file(args.placement.limit.memory_mb, _settings(args)),
                    **(log_spool.server_files(ADMIN, DATABASE) if args.wal_archive else {}),
                    **(twin.server_files(args.other, ADMIN, DATA) if args.other is not None else {}),
                },
                scratch={"/tmp": 64, "/var/run/postgresql": 8},  # noqa: S108 - tmpfs of the container
                health=Health(command=_HEALTH if args.other is None else twin.health(_HEALTH)),
                stop_s=60,
            ),
            opts,
            port=PORT,
            users=args.users,
            data={DATA: "data", log_spool.SPOOL: "wal"} if args.wal_archive else {DATA: "data"},
        )


def _command(args: DatabaseArgs) -> list[str]:
    if args.other is not None:
        return ["sh", f"{FOLDER}/{twin.START}"]
    return ["postgres", "-c", f"config_file={FOLDER}/postgresql.conf"]


def _settings(args: DatabaseArgs) -> dict[str, str]:
    if args.other is not None:
        return twin.server_settings()
    return log_spool.server_settings() if args.wal_archive else {}


def default_limit(host_memory_mb: int) -> Limit:
    """Return PostgreSQL's limit on a host with this much memory, for stacks that name none."""
    return Limit(memory_mb=max(_LEAST_MB, int(host_memory_mb * _SHARE_OF_HOST)), cpus=2.0)


def settings_file(memory_mb: int, more: Mapping[str, str] | None = None) -> str:
    """Return postgresql.conf for a server that may use this much memory, with more settings.

    A quarter for shared buffers, and three quarters as the size of all caches, are the recommendations of PostgreSQL's
    documentation ("Resource Consumption" and "Query Planning").
    """
    connections = 100
    settings = {
        "listen_addresses": "'*'",
        "password_encryption": "'scram-sha-256'",
        "max_connections": str(connections),
        "shared_buffers": f"{memory_mb // 4}MB",
        "effective_cache_size": f"{memory_mb * 3 // 4}MB",
        "maintenance_work_mem": f"{max(16, memory_mb // 16)}MB",
        "work_mem": f"{max(4, memory_mb // 4 // connections)}MB",
        "wal_compression": "on",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "shared_preload_libraries": "''",
        "log_min_duration_statement": "1s",
        "log_checkpoints": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
    }
    return "".join(f"{name} = {value}\n" for name, value in {**settings, **(more or {})}.items())
