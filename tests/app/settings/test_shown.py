"""Where a value comes from, and that no secret shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.fields import secret_names
from app.settings.loading import load_settings
from app.settings.shown import Origin, describe

SECRET = "-".join(["made", "up"])


def test_flag_environment_file_dotenv_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key() -> tuple[str | None, Origin]:
        settings = load_settings()
        [row] = [row for row in describe(settings) if row.name == "QDRANT_API_KEY"]
        value = settings.qdrant_api_key
        return (None if value is None else value.get_secret_value()), row.origin

    assert key() == (None, Origin.DEFAULT)
    (tmp_path / ".env").write_text("QDRANT_API_KEY=from-dotenv\nPORT=9001\n")
    assert key() == ("from-dotenv", Origin.DOTENV)
    (tmp_path / "secret").write_text("from-file\n")
    monkeypatch.setenv("QDRANT_API_KEY_FILE", str(tmp_path / "secret"))
    assert key() == ("from-file", Origin.FILE), "the line's end is not part of it"
    monkeypatch.setenv("QDRANT_API_KEY", "from-environment")
    assert key() == ("from-environment", Origin.ENVIRONMENT)

    flags = {"port": "9002", "host": None}
    settings = load_settings(flags)
    assert settings.port == 9002
    assert [row.origin for row in describe(settings, flags) if row.name == "PORT"] == [Origin.FLAG]


def test_the_table_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in secret_names():
        is_web = name.startswith("ALERTS_") and name.endswith("_URL")
        monkeypatch.setenv(name, f"https://h/{SECRET}" if is_web else f"postgresql://u:{SECRET}@h/d")
    token = f"cm_{SECRET:x<43}"
    monkeypatch.setenv("ADMIN_TOKEN", token)  # which has a form of its own
    settings = load_settings()
    rows = describe(settings)

    assert SECRET not in repr(rows) + repr(settings) + str(settings)
    assert {row.value for row in rows if row.secret} == {"***"}
