"""The selfhost stack on a real Docker engine, with the real PostgreSQL, Caddy, Prometheus, Alertmanager and exporters.

The containers are those the program declares (infra/plan.py), started through Docker's API, so there is no second
description of the stack. Images are made of Debian packages; Qdrant is the stand-in of the tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.monitoring.jobs import JOBS
from infra.monitoring.prometheus import INTERVAL_S
from infra.monitoring.rules import RULES
from tests.support.declared import DeclaredStack
from tests.support.docker import DockerEngine, EngineMissing, free_port
from tests.support.postgres import temporary_folder
from tests.support.stacks import SECRETS, selfhost_plan
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)

DELIVERY_S = 15  # beside an alert's own time: a scrape, an evaluation, Alertmanager, the receiver


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    """A Docker engine; without one the tests of this module are skipped, and say why."""
    folder = temporary_folder()
    engine = DockerEngine(folder / "docker")
    try:
        engine.start()
    except EngineMissing as missing:
        shutil.rmtree(folder)
        pytest.skip(f"needs a Docker engine: {missing}")
    yield engine
    engine.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def images(engine: DockerEngine) -> dict[str, str]:
    """Every image of the stack, built here."""
    return engine.stack_images()


class Stack(DeclaredStack):
    """A running stack, and how an operator and a client see it."""

    def __init__(self, engine: DockerEngine, images: dict[str, str]) -> None:
        self.ports = {name: free_port() for name in ("http", "prometheus", "alertmanager", "alerts")}
        super().__init__(engine, selfhost_plan(images=images, ports=self.ports, RATE_LIMIT_PER_MINUTE="0"))
        self.engine = engine

    def state(self, name: str) -> tuple[str, int]:
        """Return when a container was started last, and its first process."""
        shown = self.engine.run("inspect", "--format", "{{.State.StartedAt}} {{.State.Pid}}", self.ids[name])
        started, process = shown.split()
        return started, int(process)

    def docker(self, action: str, name: str) -> None:
        """Do something to a container: stop, kill, start."""
        self.engine.run(action, self.ids[name])

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

    def alerts(self) -> list[dict[str, Any]]:
        """Return what the receiver's log holds; it has none before the first alert."""
        log = self.read("memory-alerts", "/var/lib/claude-memory/alerts/alerts.jsonl") or b""
        return [json.loads(line) for line in log.splitlines()]

    def told(self, alert: str, status: str, after: int = 0) -> bool:
        """Whether the receiver's log holds an alert in a state, after so many lines."""
        return any(one["labels"]["alertname"] == alert and one["status"] == status for one in self.alerts()[after:])

    def get(self, service: str, path: str) -> Any:
        """Ask Prometheus or Alertmanager, on loopback of the host."""
        return httpx.get(f"http://127.0.0.1:{self.ports[service]}{path}", timeout=10).json()


@pytest.fixture(scope="module")
def stack(engine: DockerEngine, images: dict[str, str]) -> Iterator[Stack]:
    """The stack, up: every container became healthy within a minute of its start, or this fails."""
    stack = Stack(engine, images)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


async def test_a_memory_stored_through_the_proxy_is_found_again(stack: Stack) -> None:
    stored = await stack.call("memorize", text="The lighthouse keeper's cat is called Pharos.")
    found = await stack.call("search_memory", query="What is the lighthouse keeper's cat called?")

    assert found["results"][0]["id"] == stored["id"]
    assert not found["degraded"]


def test_prometheus_reaches_every_target(stack: Stack) -> None:
    def all_up() -> bool:
        targets = stack.get("prometheus", "/api/v1/targets")["data"]["activeTargets"]
        return bool(targets) and all(target["health"] == "up" for target in targets)

    wait_until(all_up, "every target up", 30)
    jobs = {target["labels"]["job"] for target in stack.get("prometheus", "/api/v1/targets")["data"]["activeTargets"]}
    assert jobs == JOBS


def test_prometheus_judges_by_every_rule(stack: Stack) -> None:
    groups = stack.get("prometheus", "/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {rule["name"] for rule in rules} == {rule.name for rule in RULES}
    assert not [rule for rule in rules if rule["health"] == "err"]


def test_the_dead_mans_switch_arrives(stack: Stack) -> None:
    wait_until(lambda: stack.told("ClaudeMemoryWatchdog", "firing"), "the watchdog in the receiver's log", 60)


def test_no_secret_shows_in_docker_inspect(stack: Stack) -> None:
    shown = stack.engine.run("inspect", *stack.ids.values())

    assert not [name for name, value in SECRETS.items() if value in shown]


def test_the_image_runs_as_nobody_in_particular_and_is_small(stack: Stack, images: dict[str, str]) -> None:
    image = json.loads(stack.engine.run("image", "inspect", images["app"]))[0]

    assert image["Config"]["User"] == "65532:65532"
    assert image["Config"]["Healthcheck"]["Test"][0] == "CMD"
    assert {"org.opencontainers.image.version", "org.opencontainers.image.revision"} <= set(image["Config"]["Labels"])
    assert image["Size"] < 250e6


async def test_any_container_that_is_killed_loses_no_acknowledged_write_and_comes_back_by_itself(stack: Stack) -> None:
    for name in stack.services:
        text = f"Written before {name} was killed: {time.time_ns()}."
        stored = await stack.call("memorize", text=text)
        # From inside, as a crash is: Docker does not start again what `docker kill` ended.
        before, process = stack.state(name)
        os.kill(process, signal.SIGKILL)

        wait_until(lambda name=name, before=before: stack.state(name)[0] != before, f"{name} started again", 60)
        found = await patiently(lambda text=text: stack.call("search_memory", query=text))
        assert stored["id"] in [one["id"] for one in found["results"]], name
    for name in stack.services:
        stack.wait_healthy(name)


@pytest.mark.parametrize(
    ("name", "alert"),
    [
        ("memory-app-2", "ClaudeMemoryMCPDown"),
        ("memory-qdrant-1", "ClaudeMemoryQdrantDown"),
        ("memory-postgres", "ClaudeMemoryPostgresDown"),
    ],
)
def test_what_is_stopped_is_told_in_time_and_told_again_when_it_is_back(stack: Stack, name: str, alert: str) -> None:
    known = len(stack.alerts())
    [rule] = [rule for rule in RULES if rule.name == alert]
    stack.docker("stop", name)
    try:
        in_time = rule.for_s + DELIVERY_S + INTERVAL_S
        wait_until(lambda: stack.told(alert, "firing", known), f"{alert} firing", in_time)
    finally:
        stack.docker("start", name)
    stack.wait_healthy(name)

    wait_until(lambda: stack.told(alert, "resolved", known), f"{alert} resolved", 60)


async def test_searches_go_on_without_qdrant_and_say_so(stack: Stack) -> None:
    stored = await stack.call("memorize", text="The harbour master's parrot is called Bosun.")
    stack.docker("stop", "memory-qdrant-1")
    try:
        found = await stack.call("search_memory", query="harbour master's parrot")
        assert found["degraded"]
        assert stored["id"] in [one["id"] for one in found["results"]]
    finally:
        stack.docker("start", "memory-qdrant-1")
    stack.wait_healthy("memory-qdrant-1")


async def patiently(call: Callable[..., Awaitable[dict[str, Any]]], within_s: float = 20) -> dict[str, Any]:
    """Call again while replicas notice that what was away is back."""
    until = time.monotonic() + within_s
    while True:
        try:
            return await call()
        except (AssertionError, ExceptionGroup):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)
