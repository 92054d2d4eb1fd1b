"""`doctor`: exit status, table, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from tests.support.cli import run_command


def test_with_nothing_there_all_is_well(tmp_path: Path) -> None:
    where = {"MEMORY_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}

    status, out, _ = run_command("doctor", "--json", cwd=tmp_path, **where)
    table = run_command("doctor", cwd=tmp_path, **where)

    report = json.loads(out)
    assert (status, report["ok"], table[0]) == (0, True, 0)
    for check in report["checks"]:
        assert check["name"] in table[1]


def test_what_fails_makes_the_exit_status_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")

    status, out, _ = run_command("doctor", "--data-dir", str(tmp_path / "data"), cwd=tmp_path, HOME=str(tmp_path))

    assert status == 1
    assert "failed" in out
    assert "MEMORY_DATA_DIR" in out


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/health"])
def test_only_an_mcp_address_is_spoken_to(url: str) -> None:
    assert cli.run(["doctor", "--mcp", url]) == 2


def test_start_is_the_same_report_after_other_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--debug", "doctor", "--start", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["missing"] == []
