"""A checkout of its own, with what a release touches."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ci.release.identity import ROOT
from ci.release.prepare import MENTIONS


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout with its own history of one commit."""
    root = tmp_path / "checkout"
    for file in ("CHANGELOG.md", "app/__init__.py", "pyproject.toml", "server.json", *MENTIONS):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    for command in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "All")):
        subprocess.run(["git", "-C", root, *command], check=True, timeout=60)
    return root
