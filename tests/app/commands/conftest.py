"""This process, at home on a machine with every MCP client."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clients.install import Machine
from tests.support.clients import machine_with_all_clients


@pytest.fixture
def in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = machine_with_all_clients(tmp_path)
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "MEMORY_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.project)
    monkeypatch.setattr("sys.platform", "linux")
    return machine
