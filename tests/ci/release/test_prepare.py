"""A release is prepared in a clean checkout, and everything that names a version names the new one."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path

import pytest

from app import __version__
from ci.errors import CiError
from ci.release.identity import ROOT, version_of
from ci.release.prepare import MENTIONS, mentioning, prepare

TODAY = datetime.date(2027, 1, 2)


def test_all_that_names_the_version_is_rewritten(checkout: Path) -> None:
    files = prepare(checkout, "7.0.0", TODAY)

    assert files == sorted(["CHANGELOG.md", "app/__init__.py", "server.json", *MENTIONS])
    assert version_of(checkout) == "7.0.0"
    assert json.loads((checkout / "server.json").read_text())["version"] == "7.0.0"
    assert "## 7.0.0 (2027-01-02)" in (checkout / "CHANGELOG.md").read_text()
    for file in MENTIONS:
        text = (checkout / file).read_text()
        assert "claude-memory:7.0.0" in text
        assert f"claude-memory:{__version__}" not in text
    done = subprocess.run(["git", "-C", checkout, "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert sorted(line[3:] for line in done.stdout.splitlines()) == files


@pytest.mark.parametrize("file", sorted(MENTIONS))
def test_what_names_the_version_names_this_one(file: str) -> None:
    mentioning(ROOT, file, __version__, __version__)


def test_no_other_file_names_the_image_with_this_version() -> None:
    done = subprocess.run(
        [
            "git",
            "grep",
            "--name-only",
            "--fixed-strings",
            f"claude-memory:{__version__}",
            "--",
            "*.md",
            "*.yaml",
            "*.yml",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert set(done.stdout.split()) <= MENTIONS.keys(), "its line in MENTIONS of ci/release/prepare.py is missing"


def test_the_first_version_is_released_as_it_is(checkout: Path) -> None:
    prepare(checkout, __version__, TODAY)

    assert version_of(checkout) == __version__
    assert f"## {__version__} (2027-01-02)" in (checkout / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("version", ["v1.0.0", "0.0.1", "1.0.0+local", "1.0.0.dev1", "next", "01.0.0"])
def test_what_is_no_later_version_is_refused(checkout: Path, version: str) -> None:
    with pytest.raises(CiError, match=r"takes a version such as|is older than"):
        prepare(checkout, version, TODAY)
    assert version_of(checkout) == __version__


def test_a_checkout_with_changes_is_refused_and_left_as_it_is(checkout: Path) -> None:
    (checkout / "new.txt").write_text("")

    with pytest.raises(CiError, match=r"1 file\(s\) differ"):
        prepare(checkout, "7.0.0", TODAY)
    assert version_of(checkout) == __version__


def test_without_git_it_says_so(tmp_path: Path, checkout: Path) -> None:
    (checkout / ".git").rename(tmp_path / "git")

    with pytest.raises(CiError, match="git does not know this checkout"):
        prepare(checkout, "7.0.0", TODAY)


def test_a_file_that_lost_its_version_stops_it(checkout: Path) -> None:
    file = checkout / "docs" / "selfhost.md"
    file.write_text(file.read_text().replace(__version__, "latest"))
    subprocess.run(["git", "-C", checkout, "add", "--all"], check=True)
    who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    subprocess.run(["git", "-C", checkout, *who, "commit", "--quiet", "--message", "More"], check=True)

    with pytest.raises(CiError, match=r"docs/selfhost\.md does not say"):
        prepare(checkout, "7.0.0", TODAY)
    assert version_of(checkout) == __version__
