"""An environment in which nothing is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.fields import Settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        for form in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(form, raising=False)
