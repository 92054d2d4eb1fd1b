"""`settings`: every setting once, secrets hidden."""

from __future__ import annotations

import json
from pathlib import Path

from app.settings.fields import Settings
from tests.support.cli import run_command

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
