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
from pydantic import SecretStr

from app.clients.conversation import NoConversation, Told
from app.datadir.lock import DataDirectoryLock
from app.ops import doctor
from app.settings.fields import Settings
from tests.support.bridges import Machine, machine_at, runs
from tests.support.serving import PATIENCE_S, Server, SlowServer, clean_environment, serving
from tests.support.waiting import wait_until

SECRET = "sk-made-up-key-for-this-test"
MENDS = doctor.Mends(server="start it anew", postgres="start PostgreSQL", index="rebuild it")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path / "data") as machine:
        yield machine


def examine(machine: Machine, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit status and its checks by name."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json", "--data-dir", str(machine.data_dir), *arguments],
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
    wait_until(lambda: not runs(daemon), "the end of the daemon")

    code, checks = examine(machine)

    assert code == 0, checks
    assert checks["PostgreSQL"]["found"].startswith("answered")
    assert "points" in checks["index"]["found"]
    assert "none runs" in checks["server"]["found"]
    assert "a bridge brought initialize" in checks["MCP call"]["found"]
    assert "from the index" in checks["search"]["found"]
    wait_until(lambda: machine.processes() == [], "all that it started to end")


def test_a_broken_database_is_told_with_what_to_do(machine: Machine):
    (machine.data_dir / "postgres" / "cluster").mkdir(parents=True)

    code, checks = examine(machine)

    assert code == 1
    assert checks["PostgreSQL"]["state"] == "failed"
    assert "postgres.log" in checks["PostgreSQL"]["mend"]
    assert machine.processes() == []


@pytest.mark.parametrize(("degraded", "state"), [(True, "failed"), (False, "ok"), (None, "failed")])
async def test_a_running_server_is_asked_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, degraded, state):
    whole = {"status": "ok", "detail": None}
    health = {"components": {"postgres": whole, "index": whole}}

    async def converse(_session: Any) -> Told:
        return Told("claude-memory 1", "2025-11-25", 9, health, degraded, "broken" if degraded is None else "")

    monkeypatch.setattr(doctor, "converse", converse)

    search = {check.name: check for check in await doctor._as_a_client(tmp_path, MENDS)}["search"]

    assert search.state == state
    assert state == "ok" or search.mend == MENDS.index


@pytest.mark.parametrize(("qdrant_url", "asked"), [(None, True), ("http://127.0.0.1:9", False)])
async def test_space_counts_where_something_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qdrant_url, asked):
    monkeypatch.setattr(doctor, "_NO_BYTES", 1 << 62)  # more than any disk has
    url = SecretStr("postgresql://me@127.0.0.1:9/x")

    checks = await doctor.examine(Settings(memory_data_dir=tmp_path, database_url=url, qdrant_url=qdrant_url))

    assert ("space" in {check.name for check in checks if check.state == "failed"}) == asked


async def test_a_running_server_without_its_database_is_told_to_start_that(tmp_path: Path, monkeypatch):
    async def converse(_session: Any) -> Told:
        raise NoConversation("memory_health: store_unavailable: PostgreSQL does not answer")

    monkeypatch.setattr(doctor, "converse", converse)

    assert (await doctor._as_a_client(tmp_path, MENDS))[0].mend == MENDS.postgres


def test_what_to_do_depends_on_where_a_part_runs(tmp_path: Path):
    alone = doctor.Mends.of(Settings(memory_data_dir=tmp_path), "daemon")
    deployed = doctor.Mends.of(
        Settings(memory_data_dir=tmp_path, database_url=SecretStr("postgresql://a@b/c"), qdrant_url="http://q:6333"),
        "serve",
    )

    assert ("daemon.log" in alone.server, "daemon.log" in deployed.server) == (True, False)
    assert ("postgres.log" in alone.postgres, "DATABASE_URL" in deployed.postgres) == (True, True)
    assert alone.index == "claude-memory reindex"
    assert "QDRANT_URL" in deployed.index


@pytest.mark.parametrize(("changes", "seconds", "state"), [(9_000, 5.0, "ok"), (1, 61.0, "warning"), (0, 0.0, "ok")])
def test_only_an_old_lag_is_a_warning(changes: int, seconds: float, state: str):
    numbers = {"index_lag_changes": changes, "index_lag_seconds": seconds, "memories": 10_000}

    assert doctor._lag(numbers, MENDS.index).state == state


def test_each_rule_that_is_broken_fails_and_nothing_is_started(machine: Machine) -> None:
    code, checks = examine(machine, MEMORY_BACKEND="memu", EMBEDDING_MODEL="m", ALERTS_TOKEN="x" * 16, AUTH="off")

    assert code == 1
    assert states(checks) == {
        "settings: memory backend": "failed",
        "settings: embedding key": "failed",
        "data directory": "ok",
        "server": "ok",
        "clients": "warning",
    }
    assert "set DASHSCOPE_API_KEY" in checks["settings: embedding key"]["found"]


def test_a_misspelt_setting_is_a_warning(machine: Machine):
    code, checks = examine(machine, EMBEDING_MODEL="made-up")

    assert (code, checks["setting names"]["state"]) == (0, "warning")
    assert "EMBEDING_MODEL (EMBEDDING_MODEL?)" in checks["setting names"]["found"]
    assert "setting names" not in examine(machine)[1]


def test_a_database_that_does_not_answer_is_told_without_its_password(machine: Machine):
    code, checks = examine(machine, DATABASE_URL=f"postgresql://me:{SECRET}@127.0.0.1:9/x")

    assert code == 1
    assert checks["PostgreSQL"]["mend"].startswith("check DATABASE_URL")
    assert "a write may have been done" not in checks["PostgreSQL"]["found"]


def test_an_embedding_service_that_does_not_answer_fails(machine: Machine):
    code, checks = examine(
        machine, EMBEDDING_MODEL="m", EMBEDDING_API_KEY=SECRET, EMBEDDING_BASE_URL="http://127.0.0.1:9"
    )

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
    assert "NotEditable" not in checks["clients"]["found"]


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


class TestMcpElsewhere:
    @pytest.fixture(scope="class")
    @staticmethod
    def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with serving(tmp_path_factory.mktemp("doctor") / "data") as server:
            yield server

    @pytest.mark.parametrize("path", ["/mcp", "/sse"])
    def test_a_server_is_spoken_to_as_clients_do(self, server: Server, machine: Machine, path: str):
        code, checks = examine(machine, "--mcp", server.url + path)

        assert code == 0
        assert "9 tools and memory_health" in checks["MCP call"]["found"]
        assert set(states(checks).values()) == {"ok"}
        assert {"PostgreSQL", "index", "search"} <= checks.keys()

    @pytest.mark.parametrize(
        ("url", "found", "mend"),
        [
            pytest.param("http://127.0.0.1:9/mcp", "attempts failed", "the server runs", id="nobody"),
            pytest.param("http://127.0.0.1:9/sse", "attempts failed", "the server runs", id="nobody for SSE"),
            pytest.param("{url}/elsewhere/mcp", "HTTP 404", "check the path", id="another path"),
            pytest.param("{url}/elsewhere/sse", "HTTP 404", "check the path", id="another path for SSE"),
        ],
    )
    def test_what_fails_is_told_with_what_to_do(self, server: Server, machine: Machine, url: str, found, mend):
        code, checks = examine(machine, "--mcp", url.format(url=server.url))

        assert code == 1
        assert found in checks["MCP call"]["found"]
        assert mend in checks["MCP call"]["mend"]

    def test_another_mcp_server_is_told_apart(self, machine: Machine, tmp_path: Path):
        with serving(tmp_path / "slow", ready=False, kind=SlowServer) as slow:
            code, checks = examine(machine, "--mcp", f"{slow.url}/mcp")

        assert code == 1
        assert checks["MCP call"]["found"] == "slow has no tool memory_health: it is another MCP server"

    @pytest.mark.parametrize("path", ["/mcp", "/sse"])
    def test_a_token_comes_from_a_file_or_the_environment(self, machine: Machine, tmp_path: Path, path: str):
        token = subprocess.run(
            [sys.executable, "-m", "app", "token", "create", "--user", "ann", "--data-dir", str(tmp_path / "locked")],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        ).stdout
        (tmp_path / "token").write_text(token)
        with serving(tmp_path / "locked", AUTH="required") as server:
            url = server.url + path
            without = examine(machine, "--mcp", url)
            by_file = examine(machine, "--mcp", url, "--token-file", str(tmp_path / "token"))
            by_environment = examine(machine, "--mcp", url, MEMORY_TOKEN=token.strip())

        assert (without[0], by_file[0], by_environment[0]) == (1, 0, 0)
        assert "HTTP 401" in without[1]["MCP call"]["found"]
        assert "--token-file" in without[1]["MCP call"]["mend"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            pytest.param(["--mcp", "ftp://x/mcp"], "begins with http:// or https://", id="no HTTP"),
            pytest.param(["--mcp", f"http://me:{SECRET}@x/mcp"], "takes a URL without user:password@", id="a password"),
            pytest.param(["--mcp", "http://x"], "ends in /mcp or /sse", id="no path"),
            pytest.param(["--mcp", "http://x/mcp", "--token-file", "/none"], "--token-file: got '/none'", id="no file"),
        ],
    )
    def test_wrong_usage_is_told_before_anything_is_tried(self, arguments: list[str], said: str):
        done = subprocess.run(
            [sys.executable, "-m", "app", "doctor", *arguments],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert done.returncode in (1, 2)
        assert said in done.stderr
        assert SECRET not in done.stderr

    async def test_a_token_over_plain_http_is_a_warning(self, plain_settings: Settings):
        settings = plain_settings.model_copy(update={"memory_token": SecretStr(SECRET)})

        checks = await doctor.examine_mcp(settings, "http://host.invalid/mcp")

        assert [(check.name, check.state) for check in checks] == [("token", "warning"), ("MCP call", "failed")]
        assert SECRET not in str(checks)
