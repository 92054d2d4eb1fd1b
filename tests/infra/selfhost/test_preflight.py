"""Engines are asked before anything is touched; a stand-in for `ssh` and `docker` says what the real ones say."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import EnginesError
from infra.selfhost import preflight
from infra.selfhost.config import Host, Hosts
from infra.selfhost.preflight import check_engines, problem
from tests.support.commands import Commands

ONE, TWO = "ssh://deploy@one.example.org", "ssh://deploy@two.example.org:2222"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


def hosts(one: str = ONE, two: str = TWO) -> Hosts:
    first, second = Host(docker=one, address="10.0.0.2"), Host(docker=two, address="10.0.0.3")
    return Hosts(data=first, app=first, monitoring=second, edge=second)


def test_engines_that_answer_are_taken_and_each_is_asked_once(commands):
    commands.put("ssh", "echo 20.10.24+dfsg1")

    check_engines(hosts())

    asked = sorted(commands.calls)
    assert len(asked) == 2
    assert "-p 2222 deploy@two.example.org docker version" in asked[1] + asked[0]
    assert all("BatchMode=yes" in call for call in asked)


def test_all_engines_that_cannot_be_used_come_in_one_message(commands):
    commands.put("ssh", 'echo "deploy@host: Permission denied (publickey)." >&2; exit 255')

    with pytest.raises(
        EnginesError, match="2 Docker engines of the stack cannot be used; nothing was changed"
    ) as caught:
        check_engines(hosts())
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith(f"{ONE} (data, app): deploy@host: Permission denied (publickey)")
    assert caught.value.problems[1].startswith(f"{TWO} (monitoring, edge): ")


def test_one_that_answers_is_not_named_beside_one_that_does_not(commands):
    commands.put(
        "ssh", 'case $* in *one.example.org*) echo 28.0.1;; *) echo "ssh: Connection refused" >&2; exit 255;; esac'
    )

    with pytest.raises(EnginesError, match="1 Docker engine of the stack") as caught:
        check_engines(hosts())
    assert ONE not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("deploy@h: Permission denied (publickey).", "authorized_keys"),
        ("Host key verification failed.", "`ssh-keygen -R one.example.org`"),
        ("ssh: Could not resolve hostname h: Name or service not known", "address"),
        ("ssh: connect to host h port 22: Connection timed out", "address"),
        ("bash: line 1: docker: command not found", "apt-get install docker.io"),
        ("permission denied while trying to connect to the Docker daemon socket", "`adduser deploy docker`"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "systemctl start docker"),
        ("something nobody foresaw", "docs/selfhost.md"),
    ],
)
def test_what_was_said_comes_with_what_to_do(commands, said, remedy):
    commands.put("ssh", f"echo 'Warning: first line' >&2; echo '{said}' >&2; exit 255")

    told = problem(Host(docker=ONE)) or ""
    assert told.startswith(f"{said.rstrip('.')}; ")
    assert remedy in told


@pytest.mark.parametrize("version", ["19.03.15", "4.9.3", "what?", ""])
def test_an_engine_older_than_any_that_was_tried_is_refused(commands, version):
    commands.put("ssh", f"echo '{version}'")

    assert "20.10 is the oldest supported" in (problem(Host(docker=ONE)) or "")


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "26.1.5", "29.0.0-rc.1"])
def test_newer_engines_are_taken(commands, version):
    commands.put("ssh", f"echo '{version}'")

    assert problem(Host(docker=ONE)) is None


def test_an_engine_that_says_nothing_is_told_of_in_time(commands, monkeypatch):
    monkeypatch.setattr(preflight, "_PATIENCE_S", 0.2)
    commands.put("ssh", "exec sleep 60")

    assert "no answer within 0.2 s" in (problem(Host(docker=ONE)) or "")


def test_a_missing_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "the command ssh is not installed here" in (problem(Host(docker=ONE)) or "")


def test_an_engine_here_is_asked_at_its_socket(commands):
    commands.put("docker", "echo 20.10.24")

    assert problem(Host(docker="unix:///run/other.sock")) is None
    assert commands.calls == ["docker --host unix:///run/other.sock version --format {{.Server.Version}}"]
