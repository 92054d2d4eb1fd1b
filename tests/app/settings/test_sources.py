"""Files that hold a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InvalidSettings
from app.settings.loading import load_settings


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMU_API_KEY_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(InvalidSettings, match=r"MEMU_API_KEY_FILE: .*nowhere"):
        load_settings()


def test_the_lines_end_of_a_file_is_not_part_of_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b" a key \r\n")
    monkeypatch.setenv("MEMU_API_KEY_FILE", str(tmp_path / "key"))

    key = load_settings().memu_api_key
    assert key is not None
    assert key.get_secret_value() == " a key "


def test_only_a_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "port").write_text("9000")
    monkeypatch.setenv("PORT_FILE", str(tmp_path / "port"))

    assert load_settings().port == 8000
