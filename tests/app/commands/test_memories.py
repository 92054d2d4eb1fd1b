"""Which server the commands for single memories ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.commands.memories import print_memories
from tests.app.commands.conftest import Typed
from tests.standins.memu import KEY, memu_service
from tests.support.bridges import Machine, machine_at
from tests.support.cli import run_command
from tests.support.serving import Server, serving


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path / "data") as machine:
        yield machine


def test_where_no_server_runs_a_daemon_is_started(machine: Machine, tmp_path: Path) -> None:
    where = ("--data-dir", str(machine.data_dir))

    status, out, _ = run_command("remember", "apples", "--json", *where, cwd=tmp_path)

    assert status == 0
    assert json.loads(out)["id"] in run_command("list", *where, cwd=tmp_path)[1]
    assert machine.status()["mode"] == "daemon"


def test_a_server_elsewhere_is_asked_over_http(
    typed: Typed, memory_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORY_DATA_DIR", str(tmp_path / "none"))
    where = ("--url", memory_server.url)

    id_ = json.loads(typed("remember", "asked over HTTP", "--json", *where)[1])["id"]

    assert "asked over HTTP" in typed("show", id_, *where[:1], f"{memory_server.url}/mcp")[1]
    assert typed("forget", id_, "--yes", *where)[1] == "forgot 1 memory\n"
    assert not (tmp_path / "none").exists()


def test_a_server_that_wants_a_token_gets_the_one_in_the_file(typed: Typed, tmp_path: Path) -> None:
    token = "cm_" + "a" * 43
    (tmp_path / "token").write_text(token)
    with serving(tmp_path / "data", AUTH="required", ADMIN_TOKEN=token) as server:
        where = ("--url", server.url)
        refused = typed("list", *where)
        allowed = typed("list", *where, "--token-file", str(tmp_path / "token"))

    assert refused[0] == 1
    assert "answered 401" in refused[2]
    assert allowed[0] == 0


def test_over_memu_what_it_can_do_is_done_and_the_rest_says_why_not(typed: Typed, tmp_path: Path) -> None:
    id_ = "00000000-0000-0000-0000-000000000001"
    backend: dict[str, Any] = {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": KEY, "MEMU_API_VERSION": "v4"}
    with memu_service() as service, serving(tmp_path / "data", MEMU_BASE_URL=service.url, **backend) as server:
        where = ("--url", server.url)
        stored = typed("remember", "apples keep", *where)
        found = typed("search", "apples", *where)
        refused = [
            typed(*arguments, *where)
            for arguments in (
                ["list"],
                ["show", id_],
                ["edit", id_, "--kind", "fact"],
                ["forget", id_, "--yes"],
                ["search", "apples", "--archived"],
            )
        ]

    assert stored[0] == 0
    assert "apples keep" in found[1]
    for status, out, error in refused:
        assert (status, out, error.count("\n")) == (1, "", 1)
        assert "memU" in error


@pytest.mark.parametrize("wrong", [["--url", "ftp://memory.example"], ["--url", ""], ["--data-dir", ""]])
def test_what_is_no_server_is_wrong_usage(wrong: list[str]) -> None:
    assert cli.run(["list", *wrong]) == 2


def test_a_day_is_shown_as_it_was_where_something_happened(capsys: pytest.CaptureFixture[str]) -> None:
    memory: dict[str, Any] = {
        "id": "01a2", "text": "Rehearsal with the choir", "name": None, "role": None, "kind": "note", "project": None,
        "tags": [], "created_at": "2026-03-05T12:00:00+00:00", "occurred_at": "2026-03-01T21:30:00-05:00",
    }  # fmt: skip

    print_memories([memory], "nothing")

    assert "2026-03-01, note" in capsys.readouterr().out
