"""`claude-memory status` with a daemon, with a server, with something that does not answer, and with nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app import __version__
from app.datadir.lock import DataDirectoryLock
from app.ops import status
from tests.support.bridges import Machine, machine_at
from tests.support.serving import PATIENCE_S, SlowServer, clean_environment, serving


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path / "data") as machine:
        yield machine


def run(machine: Machine, *arguments: str) -> tuple[int, str]:
    """Run the command and return its exit status and output."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "status", "--data-dir", str(machine.data_dir), *arguments],
        cwd=machine.data_dir.parent,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_with_a_daemon_it_shows_who_is_connected_and_how_much_there_is(machine: Machine) -> None:
    client = machine.client()
    client.memorize("one memory")

    code, output = run(machine, "--json")

    found = json.loads(output)
    assert code == 0
    assert found["running"] is True
    assert (found["mode"], found["version"], found["data_dir"]) == ("daemon", __version__, str(machine.data_dir))
    assert found["url"] is None
    assert found["pid"] == machine.daemons()[0].pid
    assert [session["client"] for session in found["sessions"]] == ["test 1"], "status itself is no session"
    assert found["memories"] == 1
    assert found["database_bytes"] > 1_000_000
    assert found["index_bytes"] > 0
    assert {"started_at", "socket", "index_lag_changes", "index_lag_seconds"} <= found.keys()

    code, output = run(machine)
    assert code == 0
    for expected in ("daemon", str(found["pid"]), "test 1", "memories", "index lag", "MB"):
        assert expected in output


def test_with_a_server_it_shows_where_it_listens(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "data")
    with serving(machine.data_dir, kind=SlowServer) as server:
        found = json.loads(run(machine, "--json")[1])

        assert (found["mode"], found["url"], found["pid"]) == ("serve", server.url, server.process.pid)
        assert found["memories"] is None, "this server has no such tool"


def test_with_nothing_it_says_so_and_makes_nothing(machine: Machine) -> None:
    code, output = run(machine, "--json")

    found: dict[str, Any] = json.loads(output)
    assert (code, found["running"], found["held_by"], found["sessions"]) == (0, False, None, [])
    assert {found[name] for name in ("pid", "version", "started_at", "url", "socket")} == {None}
    assert not machine.data_dir.exists()
    assert "no" in run(machine)[1]


def test_a_holder_without_a_socket_is_named(machine: Machine) -> None:
    lock = DataDirectoryLock(machine.data_dir)
    lock.acquire("", "restore")
    try:
        found = status.status(machine.data_dir)
        assert found["held_by"]["mode"] == "restore"
        assert str(found["held_by"]["pid"]) in dict(status.lines(found))["running"]
    finally:
        lock.release()


def test_a_daemon_that_hangs_is_not_waited_for(machine: Machine) -> None:
    machine.client(DATABASE_URL="postgresql://x@127.0.0.1:9/x")
    daemon = psutil.Process(machine.status()["pid"])
    daemon.suspend()
    try:
        assert status.status(machine.data_dir, ask_timeout_s=0.05)["held_by"]["pid"] == daemon.pid
    finally:
        daemon.resume()


def test_all_its_waits_together_are_less_than_five_seconds() -> None:
    assert status._ASK_TIMEOUT_S + status._CALL_TIMEOUT_S < 5


def test_sizes_are_measured_alike_whether_it_runs_or_not(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        running = status.status(server.data_dir)
    stopped = status.status(tmp_path / "data")

    assert running["embedded_postgres"] is True
    assert running["database_bytes"] == pytest.approx(stopped["database_bytes"], rel=0.2)


def test_how_many_are_found_by_meaning_is_shown_where_a_model_is_used() -> None:
    running = {
        **{"running": True, "mode": "serve", "version": "1", "pid": 1, "status": "ok", "started_at": "now"},
        **{"data_dir": "/data", "url": None, "socket": "/data/socket", "sessions": [], "components": {}},
        **{"memories": 400, "index_lag_changes": None, "database_bytes": None, "index_bytes": None},
    }

    def shown(with_vector: float | None) -> str | None:
        return dict(status.lines({**running, "memories_with_vector": with_vector})).get("found by meaning")

    assert shown(None) is None, "no model is used"
    assert shown(120) == "120 of 400; the others by their words, until they have a vector"
    assert shown(400) == "all 400"
