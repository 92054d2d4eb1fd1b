"""`settings`: every setting once, secrets hidden."""

from __future__ import annotations

import json
from pathlib import Path

from app.settings.fields import Settings
from tests.support.cli import run_command
from tests.support.serving import serving

SECRET = "-".join(["made", "up"])


def test_settings_shows_every_setting_once_with_its_origin_and_no_secret(tmp_path: Path) -> None:
    given = {"QDRANT_API_KEY": SECRET, "PORT": "9009"}
    status, out, error = run_command("settings", cwd=tmp_path, **given)

    assert (status, error) == (0, "")
    lines = [line.split() for line in out.splitlines()[1:]]
    assert [line[0] for line in lines] == [name.upper() for name in Settings.model_fields]
    assert ["PORT", "9009", "environment"] in [line[:3] for line in lines]
    assert SECRET not in out

    status, out, _ = run_command("settings", "--json", cwd=tmp_path, **given)
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["QDRANT_API_KEY"]["value"] == "***"
    assert rows["HOST"]["origin"] == "default"


def test_settings_that_do_not_go_together_are_shown_and_end_as_the_server_would(tmp_path: Path) -> None:
    status, out, error = run_command("settings", "--json", cwd=tmp_path, HOST="0.0.0.0")
    rows = {row["name"]: row["broken"] for row in json.loads(out)}
    assert (status, error.count("\n")) == (1, 1)
    assert error.startswith("claude-memory: 1 wrong setting: 0.0.0.0 can be reached from outside")
    assert {name for name, broken in rows.items() if broken} == {"HOST", "AUTH"}

    status, out, error = run_command("settings", cwd=tmp_path, HOST="0.0.0.0", METRICS_PORT="8000")
    assert (status, len(out.splitlines())) == (2, len(Settings.model_fields) + 1)
    assert error.startswith("claude-memory: 2 wrong settings: ")


def test_where_a_server_runs_its_settings_are_shown_and_what_a_start_here_would_change(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    here = {"MEMORY_DATA_DIR": str(data_dir), "MCP_SERVER_NAME": "here"}
    with serving(data_dir, ADMIN_TOKEN="cm_" + "a" * 43, LOG_LEVEL="ERROR", MCP_SERVER_NAME="there") as server:
        status, out, error = run_command("settings", cwd=tmp_path, **here)
        as_json = run_command("settings", "--json", cwd=tmp_path, **here)
        own = run_command("settings", "--here", cwd=tmp_path, **here)

    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert status == 0
    assert (rows["MCP_SERVER_NAME"][1], rows["ADMIN_TOKEN"][1]) == ("there", "***")
    assert (rows["PORT"][2], rows["MEMORY_DATA_DIR"][2]) == ("flag", "flag")
    assert error.startswith(f"claude-memory: as of the server that runs on {data_dir} (pid {server.process.pid}); ")
    assert "would differ in" in error
    assert "MCP_SERVER_NAME" in error
    assert (as_json[2], own[2]) == ("", "")
    assert {row["name"]: row["value"] for row in json.loads(as_json[1])}["MCP_SERVER_NAME"] == "there"
    assert "there" not in {line.split()[1] for line in own[1].splitlines() if line.startswith("MCP_SERVER_NAME")}
