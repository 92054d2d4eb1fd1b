"""The limit on a container's processes, which Docker is asked for once it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import NotLimited
from infra.selfhost.process_limit import PROCESSES, limit
from tests.support.commands import Commands


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


def test_docker_limits_the_container(commands: Commands) -> None:
    commands.put("docker", "exit 0")
    limit(["docker", "--host", "unix:///d"], "memory-app-1", "1f2e")

    assert commands.calls == [f"docker --host unix:///d update --pids-limit {PROCESSES} 1f2e"]


def test_what_docker_refuses_is_told_with_what_to_do(commands: Commands) -> None:
    commands.put("docker", "echo no such container >&2; exit 1")

    with pytest.raises(NotLimited, match=r"memory-app-1 was not limited .*: no such container; .*--pids-limit"):
        limit(["docker"], "memory-app-1", "1f2e")


def test_a_docker_that_is_not_there_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(NotLimited, match="No such file"):
        limit(["docker"], "memory-app-1", "1f2e")
