"""The command line: exit status, one line an error, what it prints."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from app import __version__
from app.cli import build_parser, run
from tests.support.cli import run_command

SECRET = "-".join(["made", "up"])


def test_every_command_runs_something_and_has_help() -> None:
    def check(parser: argparse.ArgumentParser) -> int:
        below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not below:
            assert callable(parser.get_default("run")), parser.prog
            assert parser.description, parser.prog
            return 1
        return sum(check(child) for action in below for child in action.choices.values())

    assert check(build_parser()) >= 5


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["status", "--data-dir", ""],
        ["serve", "--prot", "1"],
        ["token"],
        ["token", "create"],
        ["token", "revoke"],
    ]
    + [["token", "create", "--user", "a", "--scope", "all"], ["token", "create", "--user", "a\nb"]]
    + [
        ["token", "create", "--user", "a", "--expires-in", wrong] for wrong in ("3", "0d", "-1d", "9999999d", "d", "1y")
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_help_and_version_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"claude-memory {__version__}\n"
    assert run(["serve", "--help"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["worker"], id="worker"),
        pytest.param(["init"], id="init"),
        pytest.param(["reindex"], id="reindex"),
        pytest.param(["backup", "x.tar"], id="backup"),
        pytest.param(["verify", "x.tar"], id="verify"),
        pytest.param(["restore", "x.tar"], id="restore"),
        pytest.param(["backups", "list"], id="backups list"),
        pytest.param(["backups", "prune"], id="backups prune"),
        pytest.param(["alerts", "--port", "0"], id="alerts"),
        pytest.param(["daemon"], id="daemon"),
    ],
)
def test_every_process_tells_of_its_rules_before_it_does_anything(tmp_path: Path, arguments: list[str]) -> None:
    status, out, error = run_command(
        *arguments,
        cwd=tmp_path,
        MEMORY_DATA_DIR=str(tmp_path / "data"),
        MEMORY_BACKEND="memu",
        BACKUP_S3_ACCESS_KEY_ID=SECRET,
        ALERTS_SMTP_HOST="mail",
    )

    assert (status, out, error.count("\n")) == (2, "", 1)
    assert "wrong setting" in error
    assert SECRET not in error
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_end_with_2_and_one_line(tmp_path: Path) -> None:
    status, out, error = run_command("settings", cwd=tmp_path, PORT="x", AUTH="y")

    assert (status, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("claude-memory: 2 wrong settings: ")


def test_debug_shows_where_it_happened(tmp_path: Path) -> None:
    for arguments in (("settings", "--debug"), ("--debug", "settings"), ("serve", "--debug")):
        status, _, error = run_command(*arguments, cwd=tmp_path, PORT="x")
        assert status == 1
        assert "Traceback" in error


def test_an_unexpected_error_is_one_line_without_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError(f"broken:\npostgresql://me:{SECRET}@db/x")

    monkeypatch.setattr("app.settings.loading.load_settings", fail)
    monkeypatch.setattr("app.process.boot._open_port", fail)
    monkeypatch.setattr("app.process.boot.Signals.install", lambda self: None)
    monkeypatch.setattr("app.process.boot.Signals.ignore", lambda self: None)
    for command in ("settings", "serve"):
        assert run([command]) == 1
        error = capsys.readouterr().err
        assert "internal error, RuntimeError: broken: postgresql://me:***@db/x; " in error
        assert error.count("\n") == 1
