"""How `docker` is run against an engine, here and over SSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.config import Host
from infra.selfhost.docker_cli import answer, docker_call, docker_command
from tests.support.commands import Commands

LOCAL, FAR = Host(docker="unix:///run/docker.sock"), Host(docker="ssh://me@one.example.org")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


def test_a_local_engine_is_named_by_its_socket() -> None:
    assert docker_command("unix:///run/docker.sock", ["-o", "BatchMode=yes"]) == [
        "docker",
        "--host",
        "unix:///run/docker.sock",
    ]


def test_an_engine_on_tcp_is_named_by_its_address() -> None:
    assert docker_command("tcp://10.0.0.2:2375", []) == ["docker", "--host", "tcp://10.0.0.2:2375"]


def test_over_ssh_the_command_of_the_host_runs_with_the_options_and_the_port() -> None:
    assert docker_command("ssh://me@10.0.0.2:2222", ["-o", "BatchMode=yes"]) == [
        *("ssh", "-o", "BatchMode=yes", "-p", "2222", "me@10.0.0.2"),
        "docker",
    ]
    assert docker_command("ssh://me@one.example.org", []) == ["ssh", "me@one.example.org", "docker"]


def test_words_reach_an_engine_over_ssh_as_they_reach_one_here() -> None:
    words = ("ps", "--format", "{{.ID}} {{.Status}}")

    assert docker_call("unix:///run/docker.sock", [], *words)[-3:] == list(words)
    assert docker_call("ssh://me@one.example.org", [], *words)[-1] == "'{{.ID}} {{.Status}}'"


def test_an_answer_is_what_was_printed(commands: Commands) -> None:
    commands.put("ssh", "echo one; echo two")

    assert answer(FAR, "ps") == "one\ntwo\n"
    assert "BatchMode=yes" in commands.calls[0]


def test_a_command_that_fails_is_told_with_its_host_and_its_last_line(commands: Commands) -> None:
    commands.put("docker", "echo first >&2; echo 'no such thing' >&2; exit 1")

    with pytest.raises(CannotDo, match=r"^docker ps on unix:///run/docker.sock: no such thing$"):
        answer(LOCAL, "ps")


def test_a_command_that_fails_without_a_word_is_told_by_its_status(commands: Commands) -> None:
    commands.put("docker", "exit 3")

    with pytest.raises(CannotDo, match="ended with status 3"):
        answer(LOCAL, "ps")


def test_an_engine_that_does_not_answer_is_given_up(commands: Commands) -> None:
    commands.put("docker", "exec sleep 60")

    with pytest.raises(CannotDo, match=r"no answer within 0\.2 s"):
        answer(LOCAL, "ps", timeout_s=0.2)


def test_a_missing_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CannotDo, match="the command ssh is not installed here"):
        answer(FAR, "ps")
