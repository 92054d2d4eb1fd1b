"""`claude-memory doctor` on an installation that works and on broken ones, with a server and without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from app.ops.doctor import data_directory
from app.ops.doctor.examination import examine
from app.settings.fields import Settings
from tests.support.bridges import Machine, runs
from tests.support.examining import run_doctor, states
from tests.support.serving import PATIENCE_S, clean_environment
from tests.support.waiting import wait_until


def test_with_nothing_there_all_is_well_and_nothing_is_created(machine: Machine) -> None:
    code, checks = run_doctor(machine)

    assert code == 0
    assert "the first start creates it" in checks["data directory"]["found"]
    assert not machine.data_dir.exists()
    assert checks["clients"]["mend"] == "claude-memory install"


def test_with_a_daemon_it_asks_it_and_without_one_it_tries_for_itself(machine: Machine) -> None:
    client = machine.client()
    client.memorize("something to count")

    code, checks = run_doctor(machine)

    assert code == 0, checks
    assert {"MCP call", "PostgreSQL", "index", "search", "index lag", "server", "space"} <= checks.keys()
    assert "daemon" in checks["server"]["found"]
    assert "from the index" in checks["search"]["found"]
    assert "1 memory" in checks["index lag"]["found"]

    client.leave()
    daemon = psutil.Process(machine.status()["pid"])
    daemon.terminate()
    wait_until(lambda: not runs(daemon), "the end of the daemon")

    code, checks = run_doctor(machine)

    assert code == 0, checks
    assert checks["PostgreSQL"]["found"].startswith("answered")
    assert " point" in checks["index"]["found"]
    assert "none runs" in checks["server"]["found"]
    assert "a bridge brought initialize" in checks["MCP call"]["found"]
    assert "from the index" in checks["search"]["found"]
    wait_until(lambda: machine.processes() == [], "all that it started to end")


def test_each_rule_that_is_broken_fails_and_nothing_is_started(machine: Machine) -> None:
    code, checks = run_doctor(machine, MEMORY_BACKEND="memu", EMBEDDING_MODEL="m", ALERTS_TOKEN="x" * 16, AUTH="off")

    assert code == 1
    assert states(checks) == {
        "settings: key of memU": "failed",
        "settings: embedding key": "failed",
        "data directory": "ok",
        "server": "ok",
        "clients": "warning",
    }
    assert checks["settings: embedding key"]["found"].endswith("DashScope needs a key")
    assert checks["settings: embedding key"]["mend"].startswith("set DASHSCOPE_API_KEY, or ")


@pytest.mark.parametrize(("qdrant_url", "asked"), [(None, True), ("http://127.0.0.1:9", False)])
async def test_space_counts_where_something_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qdrant_url: str | None, asked: bool
) -> None:
    monkeypatch.setattr(data_directory, "_NO_BYTES", 1 << 62)  # more than any disk has
    url = SecretStr("postgresql://me@127.0.0.1:9/x")

    checks = await examine(Settings(memory_data_dir=tmp_path, database_url=url, qdrant_url=qdrant_url))

    assert ("space" in {check.name for check in checks if check.state == "failed"}) == asked


def test_without_json_it_prints_a_table(machine: Machine) -> None:
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
