"""What is told and removed before any resource is touched; tests/e2e/test_selfhost_interrupted.py on a real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest

from infra.errors import NotHealed, StrangersError
from infra.plan import declared
from infra.selfhost.config import Host, Hosts
from infra.selfhost.healing import heal
from infra.selfhost.mock_outputs import mock_outputs
from infra.selfhost.state import State
from tests.support.commands import Commands

HERE = Host(docker="unix:///run/docker.sock")
HOSTS = Hosts(data=HERE, app=HERE, monitoring=HERE, edge=HERE)
ORPHAN = r"1f2e\tmemory-app-1-1234567\trunning\tnow\t\tmemory-data-7654321\t\tmemory-app-1\t0123456789ab"
_URN = "urn:pulumi:test::claude-memory::docker:index/network:Network::memory-data"
NETWORK = {
    "urn": _URN,
    "type": "docker:index/network:Network",
    "inputs": {"name": "memory-data-7654321"},
    "outputs": {"name": "memory-data-7654321"},
}


class Told:
    """What the operator is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.warned: list[str] = []
        self.informed: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", self.warned.append)
        monkeypatch.setattr(pulumi.log, "info", self.informed.append)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """An engine with one container, and a state with nothing but its network."""
    commands = Commands(tmp_path, monkeypatch)
    commands.put("docker", f"case $3 in ps) printf '{ORPHAN}\\n';; esac")
    (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": [NETWORK]}}))
    commands.put("pulumi", f"cat {tmp_path}/state.json")
    return commands


def healed() -> State:
    """Heal as the program does, in an update."""
    found: list[State] = []
    declared("test", lambda: found.append(heal("test", HOSTS)), mock_outputs)
    return found[0]


def removals(commands: Commands) -> list[str]:
    return [call for call in commands.calls if " stop " in call or " rm " in call]


def test_an_update_removes_what_an_interrupted_one_left_and_says_so(commands: Commands, told: Told) -> None:
    state = healed()

    assert state.networks == {"memory-data-7654321"}
    assert [call.split()[-1] for call in removals(commands)] == ["1f2e", "1f2e"]
    assert told.warned == []
    [line] = told.informed
    assert line.startswith("removes what an interrupted update left: container memory-app-1-1234567 on unix://")


def test_a_preview_names_it_and_leaves_it(commands: Commands, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    healed()

    assert removals(commands) == []
    [line] = told.warned
    assert line.startswith("an interrupted update left container memory-app-1-1234567")
    assert line.endswith("the next `pulumi up` removes it")


def test_a_running_container_that_another_state_made_ends_the_update(
    commands: Commands, told: Told, tmp_path: Path
) -> None:
    (tmp_path / "state.json").write_text('{"deployment": {}}')

    with pytest.raises(StrangersError, match=r"1 container of stack test run.* nothing was changed") as refused:
        healed()
    assert "memory-app-1-1234567" in str(refused.value)
    assert removals(commands) == []


def test_without_a_state_only_services_that_run_twice_are_named(commands: Commands, told: Told) -> None:
    commands.put("pulumi", "echo 'no access to the state' >&2; exit 1")
    second = ORPHAN.replace("1f2e", "3d4c").replace("1234567", "9999999")
    commands.put("docker", f"case $3 in ps) printf '{ORPHAN}\\n{second}\\n';; esac")

    assert healed() == State()
    unread, twice = told.warned
    assert "the state cannot be read: pulumi stack export failed: no access to the state" in unread
    assert twice.startswith("memory-app-1 runs 2 times: container memory-app-1-1234567")
    assert removals(commands) == []


def test_what_cannot_be_removed_ends_the_update_before_a_resource_is_touched(commands: Commands, told: Told) -> None:
    commands.put("docker", f"case $3 in ps) printf '{ORPHAN}\\n';; stop) echo 'permission denied' >&2; exit 1;; esac")

    with pytest.raises(NotHealed, match=r"no resource was changed: docker stop on unix:.*: permission denied"):
        healed()
