"""`orphans`: where it gets the state from, what it shows; tests/e2e/test_selfhost_interrupted.py removes real ones."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from infra.selfhost.command import main
from tests.support.commands import Commands

ORPHAN = r"1f2e\tmemory-app-1-1234567\trunning\tnow\t8081/tcp\tmemory-data-7654321\t\tmemory-app-1\t0123456789ab"
EMPTY = '{"version": 3, "deployment": {}}'
COMMAND = ["orphans", "--stack", "production"]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A stack whose state knows nothing, and an engine with one container of it."""
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n")
    (tmp_path / "Pulumi.production.yaml").write_text("config: {'claude-memory:target': selfhost}\n")
    monkeypatch.chdir(tmp_path)
    commands = Commands(tmp_path, monkeypatch)
    commands.put("docker", f"case $3 in ps) printf '{ORPHAN}\\n';; esac")
    commands.put("pulumi", f"echo '{EMPTY}'")
    return commands


def test_it_shows_what_is_left_and_says_so_by_its_status(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMAND) == 1

    shown = capsys.readouterr().out
    assert "memory-app-1-1234567" in shown
    assert "0123456789ab" in shown
    assert "this state did not make it" in shown


@pytest.mark.parametrize("source", ["cli", "stdin", "file"])
def test_the_state_comes_from_the_cli_a_file_or_stdin(
    source: str, commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if source != "cli":
        commands.put("pulumi", "exit 1")
    Path("state.json").write_text(EMPTY)
    monkeypatch.setattr("sys.stdin", io.StringIO(EMPTY))
    chosen = {"cli": [], "stdin": ["--state", "-"], "file": ["--state", "state.json"]}[source]

    assert main([*COMMAND, *chosen, "--json"]) == 1
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["memory-app-1-1234567"]


def test_what_another_state_may_have_made_is_removed_only_when_it_is_said_so(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, "--remove"]) == 1
    assert not any(" rm " in call for call in commands.calls)

    assert main([*COMMAND, "--remove", "--unknown"]) == 0
    assert any(call.endswith("rm --force --volumes 1f2e") for call in commands.calls)
    assert "removes container memory-app-1-1234567" in capsys.readouterr().err


def test_where_nothing_is_left_it_says_so(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    commands.put("docker", "true")

    assert main(COMMAND) == 0
    assert capsys.readouterr().out == "none: the state knows all that Docker has of stack production\n"


def test_a_state_file_that_cannot_be_read_is_named(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--state", "nowhere.json"]) == 1
    assert "--state nowhere.json: cannot be read (FileNotFoundError)" in capsys.readouterr().err
