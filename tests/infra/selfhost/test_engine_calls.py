"""`docker` is run where the engine is, with its arguments whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.config import Host, Hosts
from infra.selfhost.engine_calls import DockerHost
from tests.support.commands import Commands

LOCAL = DockerHost(docker="unix:///run/docker.sock", roles=("data", "app"), name="data")
FAR = DockerHost(docker="ssh://deploy@one.example.org:2222", roles=("edge",), name="edge", ssh_options=("-i", "key"))
AS_A_SHELL_OF_THE_HOST = 'while [ "$1" != docker ]; do shift; done; eval "$*"'  # what sshd does with a command line


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


@pytest.mark.parametrize("host", [LOCAL, FAR], ids=["local", "over SSH"])
def test_arguments_arrive_as_they_are(commands: Commands, host: DockerHost) -> None:
    commands.put("docker", 'for one in "$@"; do echo "<$one>"; done')
    commands.put("ssh", AS_A_SHELL_OF_THE_HOST)

    said = host.run("exec", "1f2e", "wget", "http://127.0.0.1/?query=a{b='c'}&x=$HOME", "{{.ID}} {{.Status}}")

    assert said.splitlines()[-5:] == [
        "<exec>",
        "<1f2e>",
        "<wget>",
        "<http://127.0.0.1/?query=a{b='c'}&x=$HOME>",
        "<{{.ID}} {{.Status}}>",
    ]


def test_each_engine_of_a_stack_is_there_once_with_its_roles() -> None:
    one, two = Host(docker="ssh://a@one", address="10.0.0.2"), Host(docker="ssh://a@two", address="10.0.0.3")

    found = DockerHost.all_of(Hosts(data=one, app=one, monitoring=two, edge=two))

    assert [(host.name, host.roles, host.address) for host in found] == [
        ("data", ("data", "app"), "10.0.0.2"),
        ("monitoring", ("monitoring", "edge"), "10.0.0.3"),
    ]
    assert "BatchMode=yes" in found[0].command("ps")


def test_a_command_that_fails_says_where_and_why(commands: Commands) -> None:
    commands.put("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")

    with pytest.raises(CannotDo, match=r"^docker ps on unix:///run/docker.sock: Cannot connect to the Docker daemon$"):
        LOCAL.run("ps", "-a")


def test_nothing_is_asked_about_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert LOCAL.inspect("container", []) == []
