"""Where the data directory is."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from app.datadir.folder import data_directory


def test_a_given_directory_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert data_directory("here") == tmp_path / "here"
    assert data_directory("~/there") == tmp_path / "there"


def test_root_has_a_directory_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert data_directory(None) == Path("/var/lib/claude-memory")


@pytest.mark.parametrize("base", [None, "", " ", "/somewhere/else"])
def test_others_have_the_one_platformdirs_names(monkeypatch: pytest.MonkeyPatch, base: str | None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if base is None:
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_DATA_HOME", base)

    assert data_directory(None) == platformdirs.user_data_path("claude-memory", appauthor=False)
