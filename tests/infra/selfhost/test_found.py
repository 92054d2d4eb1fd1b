"""What engines have of a stack, read from the words of `docker`."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.config import Host, Hosts
from infra.selfhost.found import Found, Kind, look, run_twice
from tests.support.commands import Commands

HERE = Host(docker="unix:///run/docker.sock")
ONE_HOST = Hosts(data=HERE, app=HERE, monitoring=HERE, edge=HERE)
PS = (
    r"1f2e\tmemory-app-1-1234567\trunning\t2026-05-08 02:00:00 +0000 UTC\t127.0.0.1:8081->8081/tcp\tmemory-data-7654321"
    r"\tmemory-app-1-files-1111111,/\tmemory-app-1\t0123456789ab"
)
DOCKER = f"""case $3 in
ps) printf '{PS}\\n';;
volume) echo memory-app-1-files-1111111;;
network) echo '9a9b bridge'; echo '7c7d memory-data-7654321';;
esac"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


def container(name: str, service: str, state: str = "running") -> Found:
    return Found(kind=Kind.CONTAINER, host=HERE, id=name, name=name, service=service, state=state)


def test_a_container_is_found_with_all_that_tells_what_it_is(commands: Commands) -> None:
    commands.put("docker", DOCKER)

    first = look(ONE_HOST, "production")[0]

    assert (first.kind, first.id, first.name) == (Kind.CONTAINER, "1f2e", "memory-app-1-1234567")
    assert (first.service, first.generation, first.runs) == ("memory-app-1", "0123456789ab", True)
    assert first.uses == {"memory-data-7654321", "memory-app-1-files-1111111", "/"}
    assert str(first) == (
        "container memory-app-1-1234567 on unix:///run/docker.sock"
        " (running, generation 0123456789ab, 127.0.0.1:8081->8081/tcp)"
    )


def test_only_this_stack_is_asked_for_and_networks_only_by_name(commands: Commands) -> None:
    commands.put("docker", DOCKER)

    assert [one.kind for one in look(ONE_HOST, "production")] == [Kind.CONTAINER, Kind.VOLUME]
    assert len(commands.calls) == 2
    assert all("label=claude-memory.stack=production" in call for call in commands.calls)

    found = look(ONE_HOST, "production", {"memory-data-7654321"})
    assert [one.id for one in found if one.kind is Kind.NETWORK] == ["7c7d"]


def test_every_engine_is_asked(commands: Commands) -> None:
    commands.put("ssh", "case $* in *'docker ps'*) ;; *) echo files-of-${1%%.*};; esac")
    first = Host(docker="ssh://me@one.example.org", address="10.0.0.2", ssh_options=())
    second = Host(docker="ssh://me@two.example.org", address="10.0.0.3", ssh_options=())

    found = look(Hosts(data=first, app=first, monitoring=second, edge=second), "production")

    assert [one.host.docker for one in found] == [first.docker, second.docker]


def test_an_engine_that_cannot_be_asked_is_an_error(commands: Commands) -> None:
    commands.put("docker", "echo 'Cannot connect' >&2; exit 1")

    with pytest.raises(CannotDo, match=r"docker ps on unix:///run/docker\.sock: Cannot connect"):
        look(ONE_HOST, "production")


def test_a_service_runs_twice_when_two_of_its_containers_run() -> None:
    twice = [container("a", "memory-app-1"), container("b", "memory-app-1", "restarting")]
    found = [
        *twice,
        container("c", "memory-app-2"),
        container("d", "memory-app-2", "exited"),
        container("e", ""),
        container("f", ""),
    ]

    assert run_twice(found) == {"memory-app-1": twice}
