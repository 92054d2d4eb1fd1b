"""The two servers as they are seen: which one is the primary, and how far the other lags."""

from __future__ import annotations

from infra.selfhost.running import look
from infra.selfhost.twins import Twins, twins_of
from tests.support.engine_answers import AnsweringHost, container

RECOVERY, BEHIND = "pg_is_in_recovery", "pg_wal_lsn_diff"


def host(role: str, service: str, in_recovery: str | None, behind: str = "") -> AnsweringHost:
    """Return a host with a server; in_recovery: t or f; None: the server is down."""
    said = {BEHIND: behind} if in_recovery is None else {RECOVERY: in_recovery, BEHIND: behind}
    return AnsweringHost(docker=f"tcp://{role}:1", roles=(role,), name=role, containers=[container(service)], said=said)


def twins(*hosts: AnsweringHost) -> Twins:
    return twins_of(look(hosts, "test"), hosts)


def test_which_server_is_the_primary_stands_in_its_data_and_not_in_its_name() -> None:
    seen = twins(host("data", "postgres", "t\n"), host("standby", "postgres-standby", "f\n"))
    primary, standby = seen.primary(), seen.standby()

    assert primary is not None
    assert standby is not None
    assert (primary.service, standby.service) == ("memory-postgres-standby", "memory-postgres")
    assert seen.other(primary) is standby


def test_it_is_said_how_much_the_standby_lacks() -> None:
    standby = host("standby", "postgres-standby", "t")

    assert twins(host("data", "postgres", "f", "1048576\n"), standby).behind_bytes() == 1_048_576
    assert twins(host("data", "postgres", "f", ""), standby).behind_bytes() is None


def test_a_server_that_is_down_is_neither() -> None:
    seen = twins(host("data", "postgres", None), host("standby", "postgres-standby", "t"))

    assert seen.primary() is None
    assert seen.behind_bytes() is None
    assert [server.in_recovery for server in seen.servers] == [None, True]


def test_a_host_that_does_not_answer_is_seen_as_such() -> None:
    away = AnsweringHost(docker="tcp://data:1", roles=("data",), name="data", away=True)
    seen = twins(away, host("standby", "postgres-standby", "t"))

    assert seen.servers[0].container is None
    assert seen.standby() is seen.servers[1]
