"""The two PostgreSQL servers of a stack with a standby, as they are: which is the primary, how far the other lags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.command_errors import CannotDo
from infra.selfhost.database import ADMIN, ALIAS
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.names import NAME
from infra.selfhost.running import View

SERVICES = (f"{NAME}-{ALIAS}", f"{NAME}-{ALIAS}-standby")
# Bytes of the log that are here and not yet at the standby; no row: no one copies this server.
_BEHIND = """
select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn))::bigint, 0) from pg_stat_replication
where application_name = 'twin' and state = 'streaming' having count(*) > 0
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One of them. container: None where its host does not answer, or has none. in_recovery: None if it is down."""

    service: str
    host: DockerHost
    container: str | None
    in_recovery: bool | None

    def ask(self, sql: str, database: str = "postgres", timeout_s: float = 30.0) -> str:
        """Return what a query gives, as psql prints it. Raises CannotDo."""
        assert self.container is not None, "only a server that is there is asked"
        return _ask(self.host, self.container, sql, database, timeout_s)


@dataclass(frozen=True)
class Twins:
    """Both servers, the one of the data host first."""

    servers: Sequence[Server]

    def primary(self) -> Server | None:
        """Return the server that takes writes."""
        return next((one for one in self.servers if one.in_recovery is False), None)

    def standby(self) -> Server | None:
        """Return the server that copies, or could be promoted."""
        return next((one for one in self.servers if one.in_recovery), None)

    def other(self, server: Server) -> Server:
        """Return the one that a server is not."""
        return next(one for one in self.servers if one.service != server.service)

    def behind_bytes(self) -> int | None:
        """Return how much of the log the standby lacks; None: it does not copy. Raises CannotDo."""
        primary = self.primary()
        said = primary.ask(_BEHIND).strip() if primary is not None else ""
        return int(said) if said else None


def twins_of(view: View, hosts: Sequence[DockerHost]) -> Twins:
    """Return the servers of a stack with a standby, as they are."""
    roles = {"data": SERVICES[0], "standby": SERVICES[1]}
    return Twins(
        [_server(view, host, service) for role, service in roles.items() for host in hosts if role in host.roles]
    )


def _server(view: View, host: DockerHost, service: str) -> Server:
    found = view.newest(service)
    container = found.id if found is not None else None
    return Server(service=service, host=host, container=container, in_recovery=_in_recovery(host, container))


def _in_recovery(host: DockerHost, container: str | None) -> bool | None:
    if container is None:
        return None
    try:
        return _ask(host, container, "select pg_is_in_recovery()").strip() == "t"
    except CannotDo:  # it is stopped, starts, or copies the other
        return None


def _ask(host: DockerHost, container: str, sql: str, database: str = "postgres", timeout_s: float = 30.0) -> str:
    psql = ("psql", "--no-psqlrc", "--username", ADMIN, "--dbname", database, "--tuples-only", "--no-align", "--quiet")
    return host.run("exec", container, *psql, "--set", "ON_ERROR_STOP=1", "--command", sql, timeout_s=timeout_s)
