"""Locked versions are held against a copy of advisories."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from ci.checks.advisories import ignored_today, is_affected, main, matches
from ci.errors import CiError

PACKAGES = {"requests": {"2.2.0"}, "typing-extensions": {"4.0"}}
YAML = """\
id: PYSEC-2014-13
details: Requests before 2.3.0 allows remote servers to obtain a password.
affected:
- package:
    name: requests
    ecosystem: PyPI
  ranges:
  - type: ECOSYSTEM
    events:
    - introduced: "0"
    - fixed: 2.3.0
"""


def ranges(*events: tuple[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": [{kind: at} for kind, at in events]}]}


@pytest.mark.parametrize(
    ("version", "affected", "answer"),
    [
        ("1.0", {"versions": ["1.0", "1.1"]}, True),
        ("1.2", {"versions": ["1.0", "1.1"]}, False),
        ("1.2", ranges(("introduced", "0"), ("fixed", "1.3")), True),
        ("1.3", ranges(("introduced", "0"), ("fixed", "1.3")), False),
        ("1.10", ranges(("introduced", "0"), ("fixed", "1.9")), False),
        ("2.0", ranges(("introduced", "0"), ("fixed", "1.3"), ("introduced", "2.0"), ("fixed", "2.1")), True),
        ("1.5", ranges(("introduced", "0"), ("fixed", "1.3"), ("introduced", "2.0"), ("fixed", "2.1")), False),
        ("1.3", ranges(("introduced", "1.0"), ("last_affected", "1.3")), True),
        ("1.4", ranges(("introduced", "1.0"), ("last_affected", "1.3")), False),
        ("0.9", ranges(("introduced", "1.0")), False),
        ("9.0", ranges(("introduced", "1.0")), True),
        ("1.0", {"ranges": [{"type": "GIT", "events": [{"introduced": "abc"}]}]}, False),
        ("1.0", ranges(("introduced", "no version"), ("fixed", "2.0")), True),
    ],
)
def test_versions_are_compared_as_packages_are(version: str, affected: dict[str, Any], answer: bool) -> None:
    assert is_affected(version, affected) is answer


def test_a_yaml_file_as_pypi_writes_it_is_understood(tmp_path: Path) -> None:
    (tmp_path / "vulns" / "requests").mkdir(parents=True)
    (tmp_path / "vulns" / "requests" / "PYSEC-2014-13.yaml").write_text(YAML)

    [(advisory, sentence)] = matches(tmp_path, PACKAGES)

    assert advisory == "PYSEC-2014-13"
    assert sentence.startswith("requests 2.2.0: PYSEC-2014-13, Requests before 2.3.0 allows")


@pytest.mark.parametrize(
    ("change", "count"),
    [({}, 1), ({"withdrawn": "2026-01-01T00:00:00Z"}, 0)],
)
def test_a_json_file_is_understood_and_a_withdrawn_one_passed_over(
    tmp_path: Path, change: dict[str, str], count: int
) -> None:
    package = {"package": {"name": "Typing_Extensions", "ecosystem": "PyPI"}, "versions": ["4.0"]}
    other = {"package": {"name": "requests", "ecosystem": "npm"}, "versions": ["2.2.0"]}
    (tmp_path / "one.json").write_text(
        json.dumps({"id": "X-1", "summary": "Bad.", "affected": [package, other], **change})
    )

    assert len(list(matches(tmp_path, PACKAGES))) == count


def test_a_folder_without_advisories_is_no_clean_bill(tmp_path: Path) -> None:
    with pytest.raises(CiError, match="holds no advisories"):
        list(matches(tmp_path, PACKAGES))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('"name": "requests" {')

    with pytest.raises(CiError, match=r"one\.json is no OSV file"):
        list(matches(tmp_path, PACKAGES))


def test_without_a_copy_it_passes_and_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADVISORIES", str(tmp_path / "none"))

    assert main() == 0
    assert capsys.readouterr().out.startswith("not audited: there is no copy of advisories; git clone")


def test_a_locked_version_with_a_problem_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text(YAML.replace("    - fixed: 2.3.0\n", ""))
    monkeypatch.setenv("ADVISORIES", str(tmp_path))

    with pytest.raises(CiError, match=r"requests \S+: PYSEC-2014-13"):
        main()


def test_one_can_be_ignored_until_a_day(tmp_path: Path) -> None:
    file = tmp_path / "ignored.toml"
    file.write_text('[[ignored]]\nid = "X-1"\nwhy = "not called"\nuntil = 2027-03-01\n')

    assert ignored_today(datetime.date(2027, 3, 1), file) == {"X-1"}
    assert ignored_today(datetime.date(2027, 3, 2), file) == set()


def test_our_own_list_can_be_read() -> None:
    ignored_today(datetime.date(2027, 1, 1))
