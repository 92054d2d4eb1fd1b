"""`service` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from app.clients.install import Machine
from tests.support.commands import Commands


@pytest.fixture
def systemctl(in_home: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A stand-in that does everything, in a home of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    commands = Commands(folder, monkeypatch)
    commands.put("systemctl", "echo active")
    return commands


def test_a_service_comes_is_shown_and_goes(
    systemctl: Commands, in_home: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = in_home.home / ".config" / "systemd" / "user" / "claude-memory.service"

    assert cli.run(["service", "install", "--data-dir", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out == f"wrote {unit}\n"
    assert f'"{tmp_path / "data"}"' in unit.read_text()
    assert cli.run(["service", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(unit), "installed": True, "state": "active"}
    assert cli.run(["service", "uninstall"]) == 0
    assert capsys.readouterr().out == f"removed {unit}; what is stored stays\n"
    assert cli.run(["service", "status"]) == 0
    assert "not installed; claude-memory service install does it" in capsys.readouterr().out


def test_a_dry_run_shows_the_file_and_changes_nothing(
    systemctl: Commands, in_home: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["service", "install", "--dry-run", "--data-dir", str(tmp_path / "data")]) == 0

    assert "[Install]" in capsys.readouterr().out
    assert not (in_home.home / ".config" / "systemd").exists()
    assert not (tmp_path / "data").exists()


def test_a_service_that_does_not_start_is_a_failure_with_what_to_do(
    systemctl: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    systemctl.put("systemctl", "echo no bus >&2; exit 1")

    assert cli.run(["service", "install", "--json", "--data-dir", str(tmp_path / "data")]) == 1

    said = capsys.readouterr()
    assert "no bus" in json.loads(said.out)["problem"]
    assert said.err.startswith("claude-memory: systemctl --user daemon-reload: no bus; run: systemctl --user")
