"""`claude-memory doctor` on what is whole and on what is broken, with a server and without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.errors import Unavailable
from app.local.lock import DataDirectoryLock
from app.ops import doctor
from tests.support.bridges import Machine, machine_at, runs
from tests.support.serving import PATIENCE_S, clean_environment, until

SECRET = "sk-made-up-key-for-this-test"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path / "data") as machine:
        yield machine


def examine(machine: Machine, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit status and its checks by name."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json", "--data-dir", str(machine.data_dir)],
        cwd=machine.data_dir.parent,
        env=clean_environment(HOME=str(machine.data_dir.parent), **environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert done.stderr == "", done.stderr
    assert SECRET not in done.stdout
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {check["name"]: check for check in report["checks"]}


def states(checks: dict[str, Any]) -> dict[str, str]:
    return {name: check["state"] for name, check in checks.items()}


def test_with_nothing_there_all_is_well_and_nothing_is_made(machine: Machine):
    code, checks = examine(machine)

    assert code == 0
    assert "the first start makes it" in checks["data directory"]["found"]
    assert not machine.data_dir.exists()
    assert checks["clients"]["mend"] == "claude-memory install"


def test_with_a_daemon_it_asks_that_and_without_one_it_tries_for_itself(machine: Machine):
    client = machine.client()
    client.memorize("something to count")

    code, checks = examine(machine)

    assert code == 0, checks
    assert {"MCP call", "PostgreSQL", "index", "search", "index lag", "server", "space"} <= checks.keys()
    assert "daemon" in checks["server"]["found"]
    assert "from the index" in checks["search"]["found"]
    assert "1 memories" in checks["index lag"]["found"]

    client.leave()
    daemon = psutil.Process(machine.status()["pid"])
    daemon.terminate()
    until(lambda: not runs(daemon), "the end of the daemon")

    code, checks = examine(machine)

    assert code == 0, checks
    assert checks["PostgreSQL"]["found"].startswith("answered")
    assert "points" in checks["index"]["found"]
    assert "none runs" in checks["server"]["found"]
    until(lambda: machine.processes() == [], "all that it started to end")


def test_a_broken_database_is_told_with_what_to_do(machine: Machine):
    (machine.data_dir / "postgres" / "cluster").mkdir(parents=True)

    code, checks = examine(machine)

    assert code == 1
    assert checks["PostgreSQL"]["state"] == "failed"
    assert "postgres.log" in checks["PostgreSQL"]["mend"]
    assert machine.processes() == []


@pytest.mark.parametrize(("degraded", "state"), [(True, "failed"), (False, "ok"), (None, "failed")])
def test_a_running_server_is_asked_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, degraded, state):
    def call_tool(data_dir: Path, tool: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        if tool == "memory_health":
            whole = {"status": "ok", "detail": None}
            return {"components": {"postgres": whole, "index": whole}}
        if degraded is None:
            raise Unavailable("search_memory: broken")
        return {"results": [], "degraded": degraded}

    monkeypatch.setattr(doctor, "call_tool", call_tool)
    monkeypatch.setattr(doctor, "shake_hands", lambda *_: {"protocolVersion": "1"})

    search = {check.name: check for check in doctor._through_the_socket(tmp_path)}["search"]

    assert search.state == state
    assert state == "ok" or f"remove the folder {tmp_path / 'index'}" in str(search.mend)


@pytest.mark.parametrize(("changes", "seconds", "state"), [(9_000, 5.0, "ok"), (1, 61.0, "warning"), (0, 0.0, "ok")])
def test_only_an_old_lag_is_a_warning(tmp_path: Path, changes: int, seconds: float, state: str):
    numbers = {"index_lag_changes": changes, "index_lag_seconds": seconds, "memories": 10_000}

    assert doctor._lag(numbers, tmp_path).state == state


def test_a_database_that_does_not_answer_is_told_without_its_password(machine: Machine):
    code, checks = examine(machine, DATABASE_URL=f"postgresql://me:{SECRET}@127.0.0.1:9/x")

    assert code == 1
    assert checks["PostgreSQL"]["mend"] == "check DATABASE_URL"


def test_an_embedding_service_that_does_not_answer_fails(machine: Machine):
    code, checks = examine(machine, EMBEDDING_API_KEY=SECRET, EMBEDDING_BASE_URL="http://127.0.0.1:9")

    assert code == 1
    assert states(checks)["embeddings"] == "failed"


def test_a_holder_that_does_not_answer_fails(machine: Machine):
    lock = DataDirectoryLock(machine.data_dir)
    lock.acquire("", "restore")
    try:
        code, checks = examine(machine)
        assert code == 1
        assert f"kill {os.getpid()}" in checks["server"]["mend"]
    finally:
        lock.release()


def test_a_folder_others_may_write_to_is_a_warning(machine: Machine):
    machine.data_dir.mkdir()
    machine.data_dir.chmod(0o777)

    code, checks = examine(machine)

    assert code == 0
    assert checks["data directory"]["state"] == "warning"
    assert checks["data directory"]["mend"].startswith("chmod 700")


def test_clients_that_have_us_are_named_and_broken_files_too(machine: Machine):
    home = machine.data_dir.parent
    (home / ".cursor").mkdir()
    entry = {"mcpServers": {"memory": {"command": "claude-memory", "args": ["stdio"]}}}
    (home / ".cursor" / "mcp.json").write_text("// mine\n" + json.dumps(entry))
    assert "Cursor" in examine(machine)[1]["clients"]["found"]

    (home / ".cursor" / "mcp.json").write_text("{")
    code, checks = examine(machine)
    assert code == 0
    assert checks["clients"]["state"] == "warning"
    assert "mcp.json" in checks["clients"]["found"]


def test_without_json_it_prints_a_table(machine: Machine):
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--data-dir", str(machine.data_dir)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0
    assert "data directory" in done.stdout
