"""`worker`: a parent that starts the same command again, and the child that works."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from app import cli


def test_the_parent_starts_the_child_with_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sequence[str]] = []

    class StandIn:
        def __init__(self, command: Sequence[str], delay_s: float) -> None:
            seen.append(command)

        def run(self) -> int:
            return 7

    monkeypatch.setattr("app.worker.supervisor.Supervisor", StandIn)
    monkeypatch.setattr("app.logs.setup", lambda settings: None)
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/memory")

    assert cli.run(["worker", "--render-mode", "--debug"]) == 7
    assert seen == [[sys.executable, "-m", "app", "worker", "--supervised", "--debug", "--render-mode"]]


def test_the_child_works(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, bool]] = []

    def work(**given: bool) -> int:
        seen.append(given)
        return 7

    monkeypatch.setattr("app.worker.process.run", work)

    assert cli.run(["worker", "--supervised"]) == 7
    assert seen == [{"status_lines": False, "supervised": True}]
