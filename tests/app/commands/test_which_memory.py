"""Which memory a command uses is said where it may surprise, in one line, and never to a program."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import run_command
from tests.support.serving import serving


def said(*arguments: str, folder: Path, **environment: str) -> str:
    status, _, error = run_command(*arguments, cwd=folder, **environment)
    assert status == 0, error
    return error


def test_a_command_beside_a_server_on_another_directory_says_so_and_how_to_join_it(tmp_path: Path) -> None:
    memories = tmp_path / "memories.jsonl"
    memories.write_text(json.dumps({"text": "apples"}) + "\n")
    here, there = ("--data-dir", str(tmp_path / "here")), ("--data-dir", str(tmp_path / "there"))

    with serving(tmp_path / "there") as server:
        error = said("import", str(memories), *here, folder=tmp_path)
        assert error.splitlines()[-1] == (
            f"claude-memory: data directory {tmp_path / 'here'}; a server runs on {server.data_dir} "
            f"(pid {server.process.pid}), not there: --data-dir {server.data_dir} uses it"
        )
        assert "data directory" not in said("import", str(memories), *there, folder=tmp_path)
        assert "data directory" not in said("import", "--json", str(memories), *here, folder=tmp_path)
    assert said("status", *here, folder=tmp_path) == "", "nothing else runs any more"


def test_a_directory_from_a_setting_is_named_and_the_usual_one_is_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"MEMORY_DATA_DIR={tmp_path / 'chosen'}\n")

    assert said("status", folder=tmp_path) == f"claude-memory: data directory {tmp_path / 'chosen'} (MEMORY_DATA_DIR)\n"
    (tmp_path / ".env").unlink()
    assert said("status", folder=tmp_path) == ""
    assert said("status", folder=tmp_path, MEMORY_DATA_DIR="") == ""


def test_a_server_elsewhere_or_a_database_has_no_data_directory_here(tmp_path: Path) -> None:
    with serving(tmp_path / "there") as server:
        elsewhere = {"MEMORY_DATA_DIR": str(tmp_path / "here")}
        assert said("status", "--url", server.url, folder=tmp_path, **elsewhere) == ""
        assert said("status", folder=tmp_path, DATABASE_URL="postgresql://db/x", **elsewhere) == ""


def test_a_failure_is_one_line_all_the_same(tmp_path: Path) -> None:
    status, _, error = run_command("import", "no such file", cwd=tmp_path, MEMORY_DATA_DIR=str(tmp_path / "here"))

    assert (status, error.count("\n")) == (1, 1)
