"""The command line on the test's database; this process at home on a machine with every MCP client."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app import cli
from app.clients.install import Machine
from app.process.begun import Flags
from tests.support.cli import Command, command_on
from tests.support.clients import machine_with_all_clients
from tests.support.serving import Server, serving

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(connect_arguments: dict[str, Any], tmp_path: Path) -> Command:
    """Run a command line on the test's database, as a process of its own."""
    return command_on(connect_arguments, tmp_path)


@pytest.fixture
def in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = machine_with_all_clients(tmp_path)
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "MEMORY_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.project)
    monkeypatch.setattr("sys.platform", "linux")
    return machine


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The flags with which a process was booted; none is, and its exit status is 7."""
    seen: list[dict[str, Any]] = []

    def serve(flags: Flags) -> int:
        seen.append(vars(flags))
        return 7

    monkeypatch.setattr("app.process.boot.serve", serve)
    return seen


@pytest.fixture(scope="session")
def memory_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of commands that ask one."""
    with serving(tmp_path_factory.mktemp("memory") / "data") as server:
        yield server


@pytest.fixture
def typed(
    memory_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """Run a command as a user of its own on that server; return (exit status, stdout, stderr)."""
    monkeypatch.setenv("DEFAULT_USER_ID", uuid4().hex)
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str, given: str = "", terminal: bool = False) -> tuple[int, str, str]:
        stdin = io.StringIO(given)
        monkeypatch.setattr(stdin, "isatty", lambda: terminal)
        monkeypatch.setattr("sys.stdin", stdin)
        which = () if "--url" in arguments else ("--data-dir", str(memory_server.data_dir))
        status = cli.run([*arguments, *which])
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed
