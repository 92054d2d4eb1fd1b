"""The files of a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ci.checks.files import project_files
from ci.errors import CiError


def test_known_and_new_files_count_and_ignored_and_deleted_ones_do_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    for name in ("known", "deleted", "ignored", "new"):
        (tmp_path / name).touch()
    subprocess.run(["git", "-C", tmp_path, "add", "known", "deleted"], check=True)
    (tmp_path / "deleted").unlink()

    assert [file.name for file in project_files(tmp_path)] == [".gitignore", "known", "new"]


def test_outside_of_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(CiError, match="git cannot list the files"):
        project_files(tmp_path)
