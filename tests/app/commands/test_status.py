"""`status`: with nothing that runs, and of a server elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from tests.support.cli import run_command


def test_that_nothing_runs_is_no_failure(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))

    status, out, error = run_command("status", "--json", *where, cwd=tmp_path)

    assert (status, error) == (0, "")
    assert json.loads(out)["running"] is False
    assert "running" in run_command("status", *where, cwd=tmp_path)[1]


def test_a_server_that_does_not_answer_is_one_line_and_exit_status_1(tmp_path: Path) -> None:
    status, out, error = run_command("status", "--url", "http://127.0.0.1:9", cwd=tmp_path)

    assert (status, out, error.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://memory.example"])
def test_what_is_no_address_is_wrong_usage(url: str) -> None:
    assert cli.run(["status", "--url", url]) == 2
