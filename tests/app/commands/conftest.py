"""The command line on the test's database; this process at home on a machine with every MCP client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.clients.install import Machine
from app.process.begun import Flags
from tests.support.cli import Command, command_on
from tests.support.clients import machine_with_all_clients


@pytest.fixture
def command(connect_arguments: dict[str, Any], tmp_path: Path) -> Command:
    """Run a command line on the test's database, as a process of its own."""
    return command_on(connect_arguments, tmp_path)


@pytest.fixture
def in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = machine_with_all_clients(tmp_path)
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "MEMORY_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.project)
    monkeypatch.setattr("sys.platform", "linux")
    return machine


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The flags with which a process was booted; none is, and its exit status is 7."""
    seen: list[dict[str, Any]] = []

    def serve(flags: Flags) -> int:
        seen.append(vars(flags))
        return 7

    monkeypatch.setattr("app.process.boot.serve", serve)
    return seen
