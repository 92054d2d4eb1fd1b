"""`worker`: a parent that starts the same command again, and the child that works."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import cli


@dataclass
class Started:
    """What a supervisor would run."""

    command: list[str]
    delay_s: float
    environment: dict[str, str]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """What the command starts, which ends with 7."""
    started: list[Started] = []

    class StandIn:
        def __init__(self, command: Sequence[str], delay_s: float, environment: Mapping[str, str]) -> None:
            started.append(Started(list(command), delay_s, dict(environment)))

        def run(self) -> int:
            return 7

    monkeypatch.setattr("app.worker.supervisor.Supervisor", StandIn)
    monkeypatch.setattr("app.logs.setup", lambda settings: None)
    return started


def test_the_parent_starts_the_child_with_its_own_options(
    started: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/memory")
    monkeypatch.setenv("PYTHONPATH", "/more")

    assert cli.run(["worker", "--render-mode", "--debug"]) == 7
    [child] = started
    assert child.command == [sys.executable, "-P", "-m", "app", "worker", "--supervised", "--debug", "--render-mode"]
    assert child.environment == {"PYTHONPATH": f"{Path(__file__).parents[3]}{os.pathsep}/more"}


@pytest.mark.parametrize(
    ("options", "in_environment"),
    [([], {}), (["--render-mode"], {"RENDER_DEPLOYMENT": "true"})],
)
def test_over_memu_without_a_database_the_child_is_a_daemon_that_never_leaves(
    started: list[Started], monkeypatch: pytest.MonkeyPatch, options: list[str], in_environment: dict[str, str]
) -> None:
    for name, value in {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": "made-up", "WORKER_RESTART_DELAY": "2"}.items():
        monkeypatch.setenv(name, value)

    assert cli.run(["worker", *options]) == 7
    [child] = started
    assert child.command == [sys.executable, "-P", "-m", "app", "daemon", "--supervised"]
    assert child.delay_s == 2
    assert child.environment.items() >= {"DAEMON_IDLE_MINUTES": "0", **in_environment}.items()
    assert ("RENDER_DEPLOYMENT" in child.environment) == bool(in_environment)


@pytest.mark.parametrize("backend", ["memu", "both"])
def test_over_memu_with_a_database_the_child_is_a_worker(
    started: list[Started], monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/memory")
    monkeypatch.setenv("MEMORY_BACKEND", backend)
    monkeypatch.setenv("MEMU_API_KEY", "made-up")

    assert cli.run(["worker"]) == 7
    assert started[0].command[-2:] == ["worker", "--supervised"]


@pytest.mark.parametrize("options", [[], ["--render-mode"]])
def test_on_render_without_a_disk_nothing_is_started(
    started: list[Started], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    for name, value in {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": "made-up", "RENDER": "true"}.items():
        monkeypatch.setenv(name, value)

    assert cli.run(["worker", *options]) == 2
    assert started == []
    assert "attach a disk and set MEMORY_DATA_DIR" in capsys.readouterr().err


def test_the_child_works(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, bool]] = []

    def work(**given: bool) -> int:
        seen.append(given)
        return 7

    monkeypatch.setattr("app.worker.process.run", work)

    assert cli.run(["worker", "--supervised"]) == 7
    assert seen == [{"status_lines": False, "supervised": True}]
