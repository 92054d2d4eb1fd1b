"""The command line: exit status, one line an error, what it prints."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.cli import build_parser, run
from app.settings.fields import Settings
from tests.support.serving import MCP_HEADERS, clean_environment, serving, until

SECRET = "-".join(["made", "up"])


def command(*arguments: str, cwd: Path, **environment: str) -> tuple[int, str, str]:
    """Run a command as a process; return (exit status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean_environment(**environment),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


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


def test_settings_shows_every_setting_once_with_its_origin_and_no_secret(tmp_path: Path) -> None:
    given = {"QDRANT_API_KEY": SECRET, "PORT": "9009"}
    status, out, error = command("settings", cwd=tmp_path, **given)

    assert (status, error) == (0, "")
    lines = [line.split() for line in out.splitlines()[1:]]
    assert [line[0] for line in lines] == [name.upper() for name in Settings.model_fields]
    assert ["PORT", "9009", "environment"] in [line[:3] for line in lines]
    assert SECRET not in out

    status, out, _ = command("settings", "--json", cwd=tmp_path, **given)
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["QDRANT_API_KEY"]["value"] == "***"
    assert rows["HOST"]["origin"] == "default"


def test_settings_that_do_not_go_together_are_shown_and_end_as_the_server_would(tmp_path: Path) -> None:
    status, out, error = command("settings", "--json", cwd=tmp_path, HOST="0.0.0.0")
    rows = {row["name"]: row["broken"] for row in json.loads(out)}
    assert (status, error.count("\n")) == (1, 1)
    assert error.startswith("claude-memory: 1 wrong setting: 0.0.0.0 can be reached from outside")
    assert {name for name, broken in rows.items() if broken} == {"HOST", "AUTH"}

    status, out, error = command("settings", cwd=tmp_path, HOST="0.0.0.0", METRICS_PORT="8000")
    assert (status, len(out.splitlines())) == (2, len(Settings.model_fields) + 1)
    assert error.startswith("claude-memory: 2 wrong settings: ")


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
    status, out, error = command(
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
    status, out, error = command("settings", cwd=tmp_path, PORT="x", AUTH="y")

    assert (status, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("claude-memory: 2 wrong settings: ")


def test_debug_shows_where_it_happened(tmp_path: Path) -> None:
    for arguments in (("settings", "--debug"), ("--debug", "settings"), ("serve", "--debug")):
        status, _, error = command(*arguments, cwd=tmp_path, PORT="x")
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


def test_a_token_works_from_its_making_to_its_end(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))
    status, out, error = command("token", "create", "--user", "ann", "--scope", "read", *where, cwd=tmp_path)
    assert (status, error) == (0, ""), "no server runs, so PostgreSQL is started for it"
    reader = out.strip()
    assert out == f"{reader}\n", "the token alone"

    with serving(tmp_path / "data", AUTH="required") as server:
        report = command("token", "create", "--user", "ann", "--expires-in", "90d", "--json", *where, cwd=tmp_path)[1]
        made = json.loads(report)
        assert made["scopes"] == ["read", "write"]
        assert made["expires_at"] > made["created_at"]

        def call(token: str, tool: str, **arguments: object) -> tuple[int, object]:
            message = {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": tool, "arguments": arguments},
            }
            headers = {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
            status, _, body = server.request("POST", "/mcp", message, headers)
            return status, body.get("result", {}).get("isError")

        assert call(made["token"], "memorize", text="ann likes tea") == (200, False)
        assert call(reader, "search_memory", query="tea") == (200, False)
        assert call(reader, "memorize", text="ann likes coffee") == (200, True), "it may only read"
        assert call("cm_" + "x" * 43, "memory_stats")[0] == 401

        listed = command("token", "list", *where, cwd=tmp_path)[1]
        assert made["id"] in listed
        assert made["token"] not in listed + report.replace(made["token"], "", 1) + server.log

        assert command("token", "revoke", made["id"], *where, cwd=tmp_path)[:2] == (0, f"revoked {made['id']}\n")
        until(lambda: call(made["token"], "memory_stats")[0] == 401, "the token to end", 5)
        status, _, error = command("token", "revoke", made["id"], *where, cwd=tmp_path)
        assert (status, error.count("\n")) == (1, 1)
        assert made["id"] in error
