"""A stack that keeps its log in a bucket loses its host's data, and is restored by the commands of docs/backup.md.

It takes ten minutes, so it runs when it is asked for: LOG_ARCHIVE_ON_DOCKER=1. What it runs on Docker is tried on a
PostgreSQL without it by tests/infra/selfhost/test_log_spool.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.selfhost.database import DATA
from infra.selfhost.log_spool import SPOOL
from tests.support.declared import DeclaredStack
from tests.support.docker import DockerEngine, free_port
from tests.support.s3 import s3_server
from tests.support.stacks import LOG_ARCHIVE, SECRETS, selfhost_plan
from tests.support.waiting import until, wait_until

pytestmark = [
    pytest.mark.timeout(1_200),
    pytest.mark.skipif(
        "LOG_ARCHIVE_ON_DOCKER" not in os.environ, reason="takes ten minutes: set LOG_ARCHIVE_ON_DOCKER=1"
    ),
]

DOCS = Path(__file__).parents[2] / "docs"
NETWORK = "claude-memory-test-bucket"  # whose gateway is the bucket's address
SERVER, ARCHIVE = "memory-postgres", "memory-postgres-archive"


class Stack(DeclaredStack):
    """A running stack with a bucket on this machine."""

    def __init__(self, engine: DockerEngine, url: str) -> None:
        self.engine, self.ports = (
            engine,
            {name: free_port() for name in ("http", "prometheus", "alertmanager", "alerts")},
        )
        settings = {"BACKUP_S3_ENDPOINT": url, "BACKUP_TO": "s3://bucket/backups", "RATE_LIMIT_PER_MINUTE": "0"}
        plan = selfhost_plan(images=engine.stack_images(), ports=self.ports, replicas=1, **LOG_ARCHIVE, **settings)
        super().__init__(engine, plan)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool through the proxy, as a client does."""
        headers = {"Authorization": f"Bearer {SECRETS['adminToken']}"}
        url = f"http://127.0.0.1:{self.ports['http']}/mcp"
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result
        return dict(result.structured_content)

    def listed(self) -> list[dict[str, Any]]:
        """Return what `wal list` shows."""
        shown = self.engine.run("exec", self.ids[ARCHIVE], "claude-memory", "wal", "list", "--json")
        return list(json.loads(shown))

    def lose_data(self) -> None:
        """Kill PostgreSQL, and delete what its volumes had; the container then makes an empty cluster, as a new one."""
        self.engine.run("kill", self.ids[SERVER])
        wipe = f"find {DATA} {SPOOL} -mindepth 1 -delete"
        image = self.engine.run("inspect", "--format", "{{.Image}}", self.ids[SERVER])
        volumes = ["--volumes-from", self.ids[SERVER]]
        self.engine.run("run", "--rm", *volumes, "--user", "0", "--entrypoint", "sh", image, "-c", wipe)
        self.engine.run("start", self.ids[SERVER])
        self.wait_healthy(SERVER)


@pytest.fixture(scope="module")
def bucket(engine: DockerEngine) -> Iterator[str]:
    """A store with one bucket, at an address of this machine that containers reach."""
    engine.run("network", "create", NETWORK)
    gateway = engine.run("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", NETWORK)
    try:
        with s3_server(gateway) as url:
            urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"))
            yield url
    finally:
        engine.run("network", "rm", NETWORK, check=False)


@pytest.fixture(scope="module")
def stack(engine: DockerEngine, bucket: str) -> Iterator[Stack]:
    stack = Stack(engine, bucket)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def block(page: str, beginning: str, language: str = "sh") -> str:
    """Return the block of commands of a page that begins so."""
    text = (DOCS / page).read_text(encoding="utf-8")
    [found] = [one for one in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if one.startswith(beginning)]
    return str(found)


def pasted(script: str) -> str:
    """Run commands as an operator pastes them; return what they printed."""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_the_stack_is_restored_to_a_moment_by_the_commands_of_the_page(stack: Stack) -> None:
    wait_until(lambda: any(one["bases"] for one in stack.listed()), "a base backup in the bucket", 120, 1)
    kept = [await stack.call("memorize", text=f"Kept number {number}: the lamp burns.") for number in range(20)]
    await asyncio.sleep(1)
    moment = datetime.now(UTC)
    await asyncio.sleep(1)
    lost = await stack.call("memorize", text="Written after the moment: the lamp is out.")
    # A minute later all of it is in the bucket, the file that was being written included.
    await asyncio.sleep(60)
    stack.lose_data()

    shortcuts = block("runbook.md", "export DOCKER_HOST", "bash")
    shortcuts = re.sub(r"^export DOCKER_HOST=.*$", f"export DOCKER_HOST={stack.engine.host}", shortcuts, flags=re.M)
    commands = block("backup.md", "moment=").replace("2026-05-08T12:00:00Z", moment.isoformat())
    script = "set -eu\n" + shortcuts.replace("stack=selfhost", "stack=test") + commands.replace("doctor", "status")
    assert "restore: done" in await asyncio.to_thread(pasted, script)

    for name in (SERVER, "memory-app-1", "memory-app-worker"):
        stack.wait_healthy(name)

    async def found() -> set[str]:
        results = await stack.call("search_memory", query="lamp burns", limit=50)
        return {one["id"] for one in results["results"]}

    async def all_kept() -> bool:
        try:
            return {one["id"] for one in kept} <= await found()
        except (AssertionError, ExceptionGroup):
            return False

    await until(all_kept, "every write that was acknowledged before the moment")
    assert lost["id"] not in await found(), "nothing from after the moment"
    again = await stack.call("memorize", text="Written after the restore: the lamp burns again.")
    assert again["id"] in await found()


def test_a_backup_goes_to_the_bucket_and_is_verified_by_what_the_worker_runs(stack: Stack) -> None:
    worker = stack.ids["memory-app-worker"]

    stack.engine.run("exec", worker, "claude-memory", "backup", timeout=120)
    [backup] = json.loads(stack.engine.run("exec", worker, "claude-memory", "backups", "list", "--json"))
    assert backup["place"].startswith("s3://bucket/backups/")
    assert backup["encrypted"]
    report = stack.engine.run("exec", worker, "claude-memory", "verify", backup["place"], "--json", timeout=120)
    assert json.loads(report)["searched"]


def test_the_metrics_of_the_archive_are_scraped(stack: Stack) -> None:
    def lag() -> list[Any]:
        url = f"http://127.0.0.1:{stack.ports['prometheus']}/api/v1/query?query=claude_memory_wal_archive_lag_seconds"
        return list(json.load(urllib.request.urlopen(url))["data"]["result"])

    [one] = wait_until(lag, "the lag of the archive", 60, 1)
    assert float(one["value"][1]) < 60
