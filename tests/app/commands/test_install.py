"""The commands `install` and `uninstall`."""

from __future__ import annotations

import json
import subprocess

import pytest

from app import cli
from app.clients.catalogue import CLIENTS
from app.clients.entry import is_ours
from app.clients.install import Machine
from app.datadir.folder import data_directory
from tests.support.clients import (
    FILES,
    document,
)


def test_the_command_says_what_it_did_in_each_file(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (in_home.home / FILES["cursor"][0]).write_text("{")

    assert cli.run(["install"]) == 1

    said, wrong = capsys.readouterr()
    assert f"zed: {in_home.home}/.config/zed/settings.json: server memory added (memories in " in said
    assert len(said.splitlines()) == len(CLIENTS) - 1
    assert wrong.startswith(f"claude-memory: cursor: {in_home.home}/.cursor/mcp.json: not valid JSON, line 1")
    assert len(wrong.splitlines()) == 1


def test_a_dry_run_says_what_it_would_do(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    file = in_home.home / ".config/zed/settings.json"
    before = file.read_text() if file.exists() else None

    assert cli.run(["install", "--client", "zed", "--dry-run"]) == 0

    assert f"zed: {file}: server memory would be added (memories in " in capsys.readouterr().out
    assert (file.read_text() if file.exists() else None) == before


def test_the_command_reports_as_json(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir = in_home.home / "data"

    assert cli.run(["install", "--client", "zed", "--json", "--data-dir", str(data_dir)]) == 0

    [report] = json.loads(capsys.readouterr().out)
    assert (report["client"], report["action"], report["reason"]) == ("zed", "added", None)
    assert report["path"] == str(in_home.home / ".config/zed/settings.json")
    entry = document("zed", in_home).get(["context_servers", "memory"])
    assert entry["env"]["MEMORY_DATA_DIR"] == str(data_dir)
    assert cli.run(["uninstall", "--client", "zed", "cursor", "--json"]) == 0
    assert [report["action"] for report in json.loads(capsys.readouterr().out)] == ["not there", "removed"]


def test_the_default_data_directory_is_not_written_down(in_home: Machine) -> None:
    assert cli.run(["install", "--client", "zed"]) == 0

    assert "MEMORY_DATA_DIR" not in document("zed", in_home).get(["context_servers", "memory"]).get("env", {})


def test_the_data_directory_of_an_entry_is_kept_unless_another_is_asked_for(
    in_home: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    def data_dir() -> str | None:
        variables = document("zed", in_home).get(["context_servers", "memory"]).get("env", {})
        found: str | None = variables.get("MEMORY_DATA_DIR")
        return found

    chosen = str(in_home.home / "chosen")
    assert cli.run(["install", "--client", "zed", "--data-dir", chosen]) == 0
    assert cli.run(["install", "--client", "zed"]) == 0
    assert data_dir() == chosen
    assert f"already there (memories in {chosen})" in capsys.readouterr().out

    assert cli.run(["install", "--client", "zed", "--data-dir", str(data_directory(None))]) == 0
    assert data_dir() is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--client", "emacs"],
        ["--name", "a b"],
        ["--scope", "local"],
        ["--client", "claude-desktop", "--scope", "project"],
        ["--client", "cursor", "--hooks"],
    ],
)
def test_wrong_usage_is_2(in_home: Machine, arguments: list[str]) -> None:
    assert cli.run(["install", *arguments]) == 2


def test_the_entry_that_was_installed_starts(in_home: Machine) -> None:
    assert cli.run(["install"]) == 0
    for client in CLIENTS.values():
        assert is_ours(document(client.name, in_home).get([client.key, "memory"]))
    entry = document("cursor", in_home).get(["mcpServers", "memory"])

    done = subprocess.run(
        [entry["command"], *entry["args"][:-1], "--version"],
        cwd=in_home.project,
        env=entry.get("env", {}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.startswith("claude-memory "), done.stderr
