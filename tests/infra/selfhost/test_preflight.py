"""Engines are contacted before anything is touched; stand-ins for `ssh` and `docker` answer as the real ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import EnginesError
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


def test_engines_that_answer_are_accepted_and_each_is_contacted_once(commands: Commands) -> None:
    commands.put("ssh", "echo 20.10.24+dfsg1")

    check_engines(hosts())

    asked = sorted(commands.calls)
    assert len(asked) == 2
    assert "-p 2222 deploy@two.example.org docker version" in asked[1] + asked[0]
    assert all("BatchMode=yes" in call for call in asked)


def test_all_engines_that_cannot_be_used_are_in_one_message(commands: Commands) -> None:
    commands.put("ssh", 'echo "deploy@host: Permission denied (publickey)." >&2; exit 255')

    with pytest.raises(
        EnginesError, match="2 Docker engines of the stack cannot be used; nothing was changed"
    ) as caught:
        check_engines(hosts())
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith(f"{ONE} (data, app): deploy@host: Permission denied (publickey)")
    assert caught.value.problems[1].startswith(f"{TWO} (monitoring, edge): ")


def test_one_that_answers_is_not_named_beside_one_that_does_not(commands: Commands) -> None:
    commands.put(
        "ssh", 'case $* in *one.example.org*) echo 28.0.1;; *) echo "ssh: Connection refused" >&2; exit 255;; esac'
    )

    with pytest.raises(EnginesError, match="1 Docker engine of the stack") as caught:
        check_engines(hosts())
    assert ONE not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("deploy@h: Permission denied (publickey).", "authorized_keys"),
        ("Host key verification failed.", "`ssh-keygen -R one.example.org`"),
        ("ssh: Could not resolve hostname h: Name or service not known", "address"),
        ("ssh: connect to host h port 22: Connection timed out", "address"),
        ("bash: line 1: docker: command not found", "apt-get install docker.io"),
        ("permission denied while trying to connect to the Docker daemon socket", "`adduser deploy docker`"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "systemctl start docker"),
        ("something unexpected", "docs/selfhost.md"),
    ],
)
def test_an_error_comes_with_what_to_do_about_it(commands: Commands, message: str, remedy: str) -> None:
    commands.put("ssh", f"echo 'Warning: first line' >&2; echo '{message}' >&2; exit 255")

    found = problem(Host(docker=ONE)) or ""
    assert found.startswith(f"{message.rstrip('.')}; ")
    assert remedy in found


@pytest.mark.parametrize("version", ["19.03.15", "4.9.3", "what?", ""])
def test_an_engine_older_than_any_that_was_tested_is_refused(commands: Commands, version: str) -> None:
    commands.put("ssh", f"echo '{version}'")

    assert "upgrade it to 20.10 or later" in (problem(Host(docker=ONE)) or "")


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "26.1.5", "29.0.0-rc.1"])
def test_newer_engines_are_accepted(commands: Commands, version: str) -> None:
    commands.put("ssh", f"echo '{version}'")

    assert problem(Host(docker=ONE)) is None


def test_an_engine_that_never_answers_is_reported_in_time(commands: Commands) -> None:
    commands.put("ssh", "exec sleep 60")

    assert "no answer within 0.2 s" in (problem(Host(docker=ONE), timeout_s=0.2) or "")


def test_a_missing_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "the command ssh is not installed here" in (problem(Host(docker=ONE)) or "")


def test_a_local_engine_is_contacted_at_its_socket(commands: Commands) -> None:
    commands.put("docker", "echo 20.10.24")

    assert problem(Host(docker="unix:///run/other.sock")) is None
    assert commands.calls == ["docker --host unix:///run/other.sock version --format {{.Server.Version}}"]
