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
