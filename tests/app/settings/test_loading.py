"""All that is wrong comes in one message, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InvalidSettings
from app.settings.loading import load_settings

SECRET = "-".join(["made", "up"])


def test_wrong_values_come_in_one_message_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "70000")
    monkeypatch.setenv("AUTH", "maybe")
    monkeypatch.setenv("DATABASE_URL", f"mysql://u:{SECRET}@h/d")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    message = str(caught.value)
    assert message.startswith("3 wrong settings: ")
    for part in ("PORT: got '70000'", "AUTH: got 'maybe'", "DATABASE_URL: got ***", "postgresql://"):
        assert part in message
    assert SECRET not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        pytest.param("PORT", "abc", "takes a whole number", id="no number"),
        pytest.param("PORT", "99999", "takes a number up to 65535", id="too large"),
        pytest.param("DRAIN_SECONDS", "-1", "takes a number from 0.0 up", id="too small"),
        pytest.param("AUTH", "x", "takes 'auto', 'required' or 'off'", id="no such choice"),
        pytest.param("LOG_FORMAT", "xml", "takes 'text' or 'json'", id="no such word"),
        pytest.param("ENABLE_CORS", "perhaps", "takes on or off", id="neither on nor off"),
    ],
)
def test_a_wrong_value_is_reported_with_what_the_setting_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=f"1 wrong setting: {name}: got '{value}', {rule}$"):
        load_settings()


def test_secret_files_that_cannot_be_read_hide_no_other_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    monkeypatch.setenv("MEMU_API_KEY_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "binary"))
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    message = str(caught.value)
    assert message.startswith("3 wrong settings: ")
    for part in ("MEMU_API_KEY_FILE: ", "No such file", "DATABASE_URL_FILE: ", "not UTF-8", "PORT: got 'x'"):
        assert part in message
