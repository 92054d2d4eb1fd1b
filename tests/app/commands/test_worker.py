"""`worker`: a parent that starts the same command again, and the child that works."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from app import cli


def test_the_parent_starts_the_child_with_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Sequence[str], str]] = []

    class StandIn:
        def __init__(self, command: Sequence[str], delay_s: float, environment: Mapping[str, str]) -> None:
            seen.append((command, environment["PYTHONPATH"]))

        def run(self) -> int:
            return 7

    monkeypatch.setattr("app.worker.supervisor.Supervisor", StandIn)
    monkeypatch.setattr("app.logs.setup", lambda settings: None)
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/memory")
    monkeypatch.setenv("PYTHONPATH", "/more")

    assert cli.run(["worker", "--render-mode", "--debug"]) == 7
    command = [sys.executable, "-P", "-m", "app", "worker", "--supervised", "--debug", "--render-mode"]
    assert seen == [(command, f"{Path(__file__).parents[3]}{os.pathsep}/more")]


def test_the_child_works(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, bool]] = []

    def work(**given: bool) -> int:
        seen.append(given)
        return 7

    monkeypatch.setattr("app.worker.process.run", work)

    assert cli.run(["worker", "--supervised"]) == 7
    assert seen == [{"status_lines": False, "supervised": True}]
