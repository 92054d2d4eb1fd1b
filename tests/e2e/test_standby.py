"""A stack on two hosts of the app with a standby of PostgreSQL, on Docker: promoted, lost, and promoted back.

Both hosts are one engine here, with two addresses: gateways of networks, which containers of all networks reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.config import NAMESPACE
from infra.selfhost.command import main as selfhost
from tests.support.declared import DeclaredStack
from tests.support.docker import DockerEngine, free_port
from tests.support.stacks import SECRETS, selfhost_plan
from tests.support.waiting import until, wait_until

pytestmark = [
    pytest.mark.timeout(1_200),
    pytest.mark.skipif("STANDBY_ON_DOCKER" not in os.environ, reason="takes five minutes: set STANDBY_ON_DOCKER=1"),
]
FIRST, SECOND = "memory-postgres", "memory-postgres-standby"
PUBLISHED = ("http", "prometheus", "alertmanager", "alerts", "app", "metrics", "postgres", "qdrant", "nodeExporter")
AWAY_S = 30  # until every client has found the new primary


class Stack(DeclaredStack):
    """A running stack on two hosts."""

    def __init__(self, engine: DockerEngine, hosts: dict[str, Any]) -> None:
        self.engine, self.hosts = engine, hosts
        self.ports = {name: free_port() for name in PUBLISHED}
        plan = selfhost_plan(
            images=engine.stack_images(), ports=self.ports, hosts=hosts, replicas=2, RATE_LIMIT_PER_MINUTE="0"
        )
        super().__init__(engine, plan)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool through the proxy, as a client does."""
        headers = {"Authorization": f"Bearer {SECRETS['adminToken']}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(f"http://127.0.0.1:{self.ports['http']}/mcp", http_client=http)) as client,
        ):
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result
        return dict(result.structured_content)

    def ask(self, server: str, sql: str, database: str = "postgres") -> str:
        """Ask one of the two servers."""
        return self.engine.run("exec", self.ids[server], "psql", "-U", "postgres", "-d", database, "-tAc", sql)

    def is_standby(self, server: str) -> bool:
        return self.ask(server, "select pg_is_in_recovery()") == "t"

    def wait_copied(self, by: str) -> None:
        """Wait until a server copies the other."""
        other = FIRST if by == SECOND else SECOND
        sql = "select count(*) from pg_stat_replication where state = 'streaming'"
        wait_until(lambda: self.ask(other, sql) == "1", f"{by} to copy {other}", 90, 1)


@pytest.fixture(scope="module")
def hosts(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two hosts: the engine under two names, with an address each."""
    names = ("claude-memory-test-one", "claude-memory-test-two")
    made = []
    for name in names:
        engine.run("network", "create", name)
        address = engine.run("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)
        socket = tmp_path_factory.mktemp(name) / "docker.sock"
        socket.symlink_to(engine.host.removeprefix("unix://"))
        made.append({"docker": f"unix://{socket}", "address": address})
    one, two = made
    yield {"data": one, "app": [one, two], "monitoring": two, "edge": two, "standby": two}
    for name in names:
        engine.run("network", "rm", name, check=False)


@pytest.fixture(scope="module")
def stack(engine: DockerEngine, hosts: dict[str, Any]) -> Iterator[Stack]:
    stack = Stack(engine, hosts)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


@pytest.fixture
def command(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command of `python -m infra.selfhost` about this stack; return its exit status and what it printed."""
    config = {"target": "selfhost", "images": {"app": "claude-memory:test"}, "hosts": stack.hosts}
    values = {f"{NAMESPACE}:{key}": value for key, value in config.items()}
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_text(json.dumps({"config": values}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> tuple[int, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = selfhost([name, "--stack", "test", *arguments])
        return status, printed.getvalue()

    return run


class Writing:
    """Writes one memory after the other; what was acknowledged, and the longest time without."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.ids: list[str] = []
        self.away_s = 0.0

    async def run(self) -> None:
        """Write until cancelled."""
        last = time.monotonic()
        while True:
            try:
                stored = await self._stack.call("memorize", text=f"Kept: the lamp of night {time.time_ns()} burns.")
            except (AssertionError, ExceptionGroup):
                await asyncio.sleep(0.2)
                continue
            self.ids.append(stored["id"])
            self.away_s, last = max(self.away_s, time.monotonic() - last), time.monotonic()


@asynccontextmanager
async def writing(stack: Stack) -> AsyncIterator[Writing]:
    """Write beside what the block does, and for some writes after it."""
    writer = Writing(stack)
    task = asyncio.create_task(writer.run())
    try:
        await until(lambda: len(writer.ids) > 5, "the first writes")
        yield writer
        known = len(writer.ids)
        await until(lambda: len(writer.ids) > known + 5, "writes to go on", AWAY_S * 2)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def assert_kept(stack: Stack, ids: list[str], on: str) -> None:
    """Assert that a server has all of these memories."""
    listed = ",".join(f"'{one}'" for one in ids)
    kept = stack.ask(on, f"select count(*) from memories where id in ({listed})", database="claude_memory")
    assert int(kept) == len(ids)


async def test_the_standby_copies_and_the_page_says_so(stack: Stack, command: Callable[..., tuple[int, str]]) -> None:
    await stack.call("memorize", text="The standby knows of the lighthouse.")
    status, said = await asyncio.to_thread(command, "status", "--json")

    assert (stack.is_standby(FIRST), stack.is_standby(SECOND)) == (False, True)
    standby = {one["what"]: one for one in json.loads(said)["findings"]}["standby"]
    assert (standby["state"], "postgres is the primary" in standby["found"]) == ("ok", True), status


async def test_a_promotion_loses_no_acknowledged_write(stack: Stack, command: Callable[..., tuple[int, str]]) -> None:
    async with writing(stack) as writer:
        status, said = await asyncio.to_thread(command, "promote")
        assert status == 0, said

    stack.wait_healthy(FIRST)
    stack.wait_copied(FIRST)
    assert (stack.is_standby(FIRST), stack.is_standby(SECOND)) == (True, False)
    assert writer.away_s < AWAY_S
    assert_kept(stack, writer.ids, on=SECOND)


async def test_a_lost_primary_is_replaced_and_comes_back_as_a_standby(
    stack: Stack, command: Callable[..., tuple[int, str]]
) -> None:
    """The second server is the primary now; its host is cut off, as far as the command can see."""
    socket = Path(stack.hosts["standby"]["docker"].removeprefix("unix://"))
    target = socket.readlink()
    stack.engine.run("kill", stack.ids[SECOND])
    socket.unlink()
    try:
        refused, said = await asyncio.to_thread(command, "promote")
        assert (refused, "--lost" in said) == (1, True)
        status, said = await asyncio.to_thread(command, "promote", "--lost")
        assert status == 0, said
    finally:
        socket.symlink_to(target)
    async with writing(stack) as writer:
        pass
    stack.engine.run("start", stack.ids[SECOND])
    stack.wait_healthy(SECOND)
    stack.wait_copied(SECOND)

    assert (stack.is_standby(FIRST), stack.is_standby(SECOND)) == (False, True)
    assert_kept(stack, writer.ids, on=FIRST)


async def test_a_standby_can_be_copied_anew(stack: Stack, command: Callable[..., tuple[int, str]]) -> None:
    status, said = await asyncio.to_thread(command, "rebuild-standby")
    assert status == 0, said
    stack.wait_healthy(SECOND)
    stack.wait_copied(SECOND)

    status, said = await asyncio.to_thread(command, "status", "--json")
    standby = {one["what"]: one for one in json.loads(said)["findings"]}["standby"]
    assert standby["state"] == "ok", said
