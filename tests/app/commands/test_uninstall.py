"""`uninstall`: out of every client, whatever was installed."""

from __future__ import annotations

import json

import pytest

from app import cli
from app.clients.install import Machine
from tests.support.clients import originals


def test_every_file_is_what_it_was(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    before = originals(in_home.home)
    assert cli.run(["install", "--hooks"]) == 0
    capsys.readouterr()

    assert cli.run(["uninstall", "--json"]) == 0

    assert {report["action"] for report in json.loads(capsys.readouterr().out)} == {"removed"}
    assert originals(in_home.home) == before


def test_where_it_is_not_it_says_so(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["uninstall", "--dry-run", "--client", "zed"]) == 0

    assert "zed" in capsys.readouterr().out
