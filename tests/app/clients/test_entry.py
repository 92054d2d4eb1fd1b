"""Our entry: how this installation is run, and which entries are ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.clients.entry import PLAIN, Command, Shape, is_ours, this_command


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ({"command": "/x/claude-memory", "args": ["stdio"]}, True),
        ({"command": "C:\\x y\\claude-memory.exe", "args": ["stdio"]}, True),
        ({"command": "/x/python", "args": ["-P", "-m", "app", "stdio"]}, True),
        ({"command": "/x/python", "args": ["-m", "app", "stdio"]}, False),
        ({"command": "/x/claude-memory", "args": ["serve"]}, False),
        ({"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]}, False),
        ({"command": "npx", "args": "stdio"}, False),
        ({"url": "http://127.0.0.1:8000/mcp"}, False),
        ({"command": ["claude-memory"], "args": ["stdio"]}, False),
        ("claude-memory stdio", False),
        ({"command": ["/x/claude-memory", "stdio"]}, True),
        ({"command": ["/x/python", "-P", "-m", "app", "stdio"]}, True),
        ({"command": ["npx", "stdio"]}, False),
        ({"command": []}, False),
        ({"cmd": "/x/claude-memory", "args": ["stdio"]}, True),
        (None, False),
    ],
)
def test_our_entries_are_known(entry: object, ours: bool) -> None:
    assert is_ours(entry) is ours


def test_what_was_added_to_our_entry_stays() -> None:
    there = {
        "command": "/old/claude-memory",
        "args": ["stdio"],
        "autoApprove": ["search_memory"],
        "env": {"LOG_LEVEL": "DEBUG", "MEMORY_DATA_DIR": "/old"},
    }

    assert PLAIN.merged(there, {"command": "/new/claude-memory", "args": ["stdio"]}) == {
        "command": "/new/claude-memory",
        "args": ["stdio"],
        "autoApprove": ["search_memory"],
        "env": {"LOG_LEVEL": "DEBUG"},
    }


def test_what_was_chosen_for_our_entry_stays() -> None:
    shape = Shape(fixed={"type": "local", "enabled": True}, variables="environment", named=True)
    wanted = shape.entry(Command("/new/claude-memory"), {}, "memory")

    merged = shape.merged({**wanted, "command": "/old/claude-memory", "enabled": False, "name": "My memory"}, wanted)

    assert merged == {**wanted, "enabled": False, "name": "My memory"}


def run(command: Command, cwd: Path, *arguments: str) -> str:
    done = subprocess.run(
        [command.program, *command.arguments, *arguments],
        cwd=cwd,
        env=dict(command.environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def test_the_command_runs_from_anywhere_without_an_environment(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the project has a package of that name')")

    assert run(this_command(), tmp_path, "--version") == f"claude-memory {__version__}"


def test_an_installed_script_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "claude-memory"
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path) if name == "scripts" else os.devnull)
    assert this_command().program == sys.executable

    script.write_text("")
    assert this_command() == Command(str(script))
