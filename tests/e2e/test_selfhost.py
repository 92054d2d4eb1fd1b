"""The selfhost stack on a real Docker engine, with the real PostgreSQL, Caddy, Prometheus, Alertmanager and exporters.

The containers are those the program declares (infra/plan.py), started through Docker's API, so there is no second
description of the stack. Images are made of Debian packages; Qdrant is the stand-in of the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.config import NAMESPACE
from infra.monitoring.jobs import ARCHIVE_JOB, JOBS
from infra.monitoring.prometheus import INTERVAL_S
from infra.monitoring.rules import RULES, rules_for
from infra.plan import Plan
from infra.selfhost.app_settings import PORT
from infra.selfhost.command import main as selfhost
from infra.selfhost.docker_cli import docker_command
from infra.selfhost.health import app_check
from infra.selfhost.labels import SERVICE, STACK
from infra.selfhost.log_driver import Logging, log_arguments
from infra.selfhost.names import short
from infra.selfhost.process_limit import PROCESSES, limit
from tests.support.declared import DeclaredStack
from tests.support.docker import DockerEngine, free_port
from tests.support.stacks import SECRETS, selfhost_plan
from tests.support.waiting import wait_until
from tests.test_runbook import BLOCKS

pytestmark = pytest.mark.timeout(900)

DELIVERY_S = 15  # beside an alert's own time: a scrape, an evaluation, Alertmanager, the receiver


@pytest.fixture(scope="module")
def images(engine: DockerEngine) -> dict[str, str]:
    """Every image of the stack, built here."""
    return engine.stack_images()


class Stack(DeclaredStack):
    """A running stack, and how an operator and a client see it."""

    def __init__(self, engine: DockerEngine, images: dict[str, str]) -> None:
        self.ports = {name: free_port() for name in ("http", "prometheus", "alertmanager", "alerts")}
        self.engine, self._images = engine, images
        super().__init__(engine, self._planned(replicas=2))

    def _planned(self, replicas: int) -> Plan:
        return selfhost_plan(images=self._images, ports=self.ports, replicas=str(replicas), RATE_LIMIT_PER_MINUTE="0")

    def scale(self, replicas: int) -> None:
        """Change the number of replicas, as `pulumi up` does."""
        self.become(self._planned(replicas))

    async def post(self, http: httpx.AsyncClient, query: str) -> httpx.Response:
        """Send a search as one POST through the proxy, over a connection of a client that keeps it."""
        params = {"name": "search_memory", "arguments": {"query": query}}
        return await http.post(
            f"http://127.0.0.1:{self.ports['http']}/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={
                "Authorization": f"Bearer {SECRETS['adminToken']}",
                "Accept": "application/json, text/event-stream",
            },
        )

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
    assert jobs == JOBS - {ARCHIVE_JOB}, "this stack keeps no log in a bucket"


def test_prometheus_judges_by_every_rule(stack: Stack) -> None:
    groups = stack.get("prometheus", "/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {rule["name"] for rule in rules} == {rule.name for rule in rules_for(JOBS)}
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


@pytest.mark.parametrize("how", ["stop", "pause"])
async def test_without_postgresql_clients_have_the_error_of_the_app_within_two_seconds(stack: Stack, how: str) -> None:
    stack.docker(how, "memory-postgres")
    try:
        async with httpx.AsyncClient(timeout=30) as http:
            for _ in range(3):
                answer = await stack.post(http, "lighthouse")
                told = answer.json()
                if "error" in told:
                    assert told["error"]["data"]["code"] == "store_unavailable"
                else:  # the token was seen just before, so the tool was the first to ask
                    assert told["result"]["isError"]
                assert "PostgreSQL" in answer.text
                assert answer.elapsed.total_seconds() < 2
    finally:
        stack.docker("start" if how == "stop" else "unpause", "memory-postgres")
    stack.wait_healthy("memory-postgres")
    await patiently(lambda: stack.call("search_memory", query="lighthouse"))


async def test_without_a_replica_clients_have_such_an_error_as_well(stack: Stack) -> None:
    stack.engine.run("kill", stack.ids["memory-app-1"], stack.ids["memory-app-2"])
    try:
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await stack.post(http, "lighthouse")
            other = await http.get(f"http://127.0.0.1:{stack.ports['http']}/info")
    finally:
        stack.engine.run("start", stack.ids["memory-app-1"], stack.ids["memory-app-2"])

    assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (503, "unavailable")
    assert (other.status_code, other.json()["error"]["code"]) == (503, "unavailable")
    assert max(answer.elapsed, other.elapsed).total_seconds() < 2
    for name in ("memory-app-1", "memory-app-2"):
        stack.wait_healthy(name)


async def test_more_and_fewer_replicas_lose_no_call_of_clients_that_keep_their_connections(stack: Stack) -> None:
    answers: list[tuple[int, str]] = []
    over = asyncio.Event()

    async def client() -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            while not over.is_set():
                answer = await stack.post(http, "lighthouse")
                answers.append((answer.status_code, answer.text))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(client())
        for replicas in (3, 2, 4, 2):
            await asyncio.to_thread(stack.scale, replicas)
            await asyncio.sleep(2)  # the proxy looks at each replica every second
        over.set()

    assert len(answers) > 200
    assert [one for one in answers if one[0] != 200 or '"result"' not in one[1]] == []


def test_a_health_check_of_the_apps_image_costs_little_more_than_a_start_of_python(stack: Stack) -> None:
    code = (
        "import resource, subprocess, sys\n"
        "used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])\n"
        "for _ in range(20):\n"
        "    before = used(); subprocess.run(sys.argv[1:], check=True); print(used() - before)"
    )

    def least_s(*command: str) -> float:
        used = stack.engine.run("exec", stack.ids["memory-app-1"], "python3", "-c", code, *command)
        return min(map(float, used.split()))

    bare_s = least_s("python3", "-I", "-S", "-c", "pass")  # 8 ms, on a busy machine three times that
    assert least_s(*app_check(PORT, "/ready").command) < 1.5 * bare_s


def test_docker_limits_the_processes_of_a_container_that_runs(stack: Stack) -> None:
    limit(docker_command(stack.engine.host, ()), "memory-proxy", stack.ids["memory-proxy"])

    shown = stack.engine.run("inspect", "--format", "{{.HostConfig.PidsLimit}}", stack.ids["memory-proxy"])
    assert shown == str(PROCESSES)


async def patiently(call: Callable[..., Awaitable[dict[str, Any]]], within_s: float = 60) -> dict[str, Any]:
    """Call again while replicas start, or notice that what was away is back: callers have an error at once."""
    until = time.monotonic() + within_s
    while True:
        try:
            return await call()
        except (AssertionError, ExceptionGroup):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


@pytest.fixture
def look(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command of `python -m infra.selfhost` about this stack; return its exit status and what it printed."""
    engine = {"docker": stack.engine.host}
    hosts = dict.fromkeys(("data", "app", "monitoring", "edge"), engine)
    config = {"target": "selfhost", "images": {"app": "claude-memory:test"}, "hosts": hosts}
    values = {f"{NAMESPACE}:{key}": value for key, value in config.items()}
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_text(json.dumps({"config": values}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> tuple[int, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = selfhost([*name.split(), "--stack", "test", *arguments])
        return status, printed.getvalue()

    return run


def test_a_stack_is_one_page(stack: Stack, look: Callable[..., tuple[int, str]]) -> None:
    for name in stack.services:
        stack.wait_healthy(name)
    status, said = look("status", "--json")
    shown = json.loads(said)

    assert {row["service"]: row["state"] for row in shown["services"]} == dict.fromkeys(
        map(short, stack.services), "healthy"
    )
    found = {one["what"]: (one["state"], one["found"]) for one in shown["findings"]}
    assert found["services"] == ("ok", f"{len(stack.services)} of {len(stack.services)} healthy")
    assert found["orphans"] == ("ok", "none")
    assert found["backup"][0] == "warning", "there is none yet, which the worker's list says"
    assert any(what.startswith("disk of ") for what in found)
    assert "watchdog" not in found, "Prometheus says that it fires"
    assert (status == 0) == shown["ok"]


def test_a_stopped_service_and_a_second_container_of_one_fail_the_page(
    stack: Stack, look: Callable[..., tuple[int, str]]
) -> None:
    labels = ["--label", f"{STACK}=test", "--label", f"{SERVICE}=memory-app-1"]
    image = stack.engine.run("inspect", "--format", "{{.Image}}", stack.ids["memory-app-1"])
    twin = stack.engine.run("create", "--restart", "unless-stopped", *labels, image)
    stack.docker("stop", "memory-alerts")
    try:
        status, said = look("status")
    finally:
        stack.engine.run("rm", twin)
        stack.docker("start", "memory-alerts")
    stack.wait_healthy("memory-alerts")

    assert status == 1
    assert "alerts exited with status" in " ".join(said.split())
    assert "app-1 is there twice" in " ".join(said.split())


def test_logs_and_use_of_services_are_shown(stack: Stack, look: Callable[..., tuple[int, str]]) -> None:
    status, said = look("logs", "postgres", "app-init", "--lines", "5")
    services = {line.split()[1] for line in said.splitlines()}
    assert (status, services) == (0, {"postgres", "app-init"})

    status, said = look("top", "--json")
    used = {row["service"]: row for row in json.loads(said)["services"]}
    assert (status, set(used)) == (0, set(map(short, stack.services)))
    assert all(0 < row["memory_percent"] < 100 for row in used.values())


def test_an_image_that_no_container_uses_is_cleaned_up_and_no_other(
    stack: Stack, images: dict[str, str], look: Callable[..., tuple[int, str]]
) -> None:
    stack.engine.run("tag", images["app"], "claude-memory:still-used")
    for number in (1, 2):
        recipe = f"FROM {images['app']}\nLABEL number={number}\n"
        subprocess.run(
            ["docker", "--host", stack.engine.host, "build", "--tag", f"claude-memory:0.{number}", "-"],
            input=recipe.encode(),
            capture_output=True,
            check=True,
            env=os.environ | {"DOCKER_BUILDKIT": "0"},
        )
    try:
        status, said = look("images clean", "--remove", "--json")
        left = stack.engine.run("images", "--format", "{{.Tag}}", "claude-memory").split()
    finally:
        for tag in ("still-used", "0.1", "0.2"):
            stack.engine.run("rmi", f"claude-memory:{tag}", check=False)

    assert status == 0
    assert len(json.loads(said)["images"]) == 1
    assert "still-used" in left
    assert len({"0.1", "0.2"} & set(left)) == 1


def test_a_kill_for_memory_in_any_container_is_told(stack: Stack, images: dict[str, str]) -> None:
    known = len(stack.alerts())
    greedy = ["--memory", "32m", "--memory-swap", "32m", "--entrypoint", "python3", images["app"]]
    stack.engine.run("run", "--rm", *greedy, "-c", "bytearray(300 * 2**20)", check=False)

    # a warning waits for others of its group for 30 s
    wait_until(
        lambda: stack.told("ClaudeMemoryOutOfMemory", "firing", known), "the kill in the log", 30 + DELIVERY_S + 30
    )


def test_logs_are_sent_while_docker_shows_the_last_ones(engine: DockerEngine, images: dict[str, str]) -> None:
    network = json.loads(engine.run("network", "inspect", "bridge"))[0]
    gateway = network["IPAM"]["Config"][0].get("Gateway", "127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))
        server.settimeout(20)
        address = f"udp://{gateway}:{server.getsockname()[1]}"
        given = log_arguments(Logging(driver="syslog", address=address))
        options = [part for name, value in given["log_opts"].items() for part in ("--log-opt", f"{name}={value}")]
        labels = ["--label", f"{STACK}=test", "--label", f"{SERVICE}=memory-app-1"]
        command = ["--entrypoint", "python3", images["app"], "-c", "print('hello')"]
        container = engine.run("run", "--detach", "--log-driver", "syslog", *options, *labels, *command)
        try:
            line = server.recv(65_535).decode()
            engine.run("wait", container)
            kept = engine.run("logs", container)
        finally:
            engine.run("rm", "--force", container)

    assert "test/memory-app-1" in line
    assert line.rstrip().endswith("hello")
    assert kept == "hello"


# Blocks of the runbook with these words are not for a stack without the Pulumi CLI.
NOT_IN_A_STACK = {
    "export DATABASE_URL=": "by hand",
    "ADMIN_DATABASE_URL=": "by hand",
    "METRICS_PORT=": "by hand",
    "pulumi up": "needs the CLI",
    "pulumi config set": "needs the CLI",
    "pulumi cancel": "needs the CLI",
    "claude-memory restore": "by hand, and with an embedded database",
    "psql -c '\\password": "asks at a terminal",
    "postgres-archive": "this stack keeps no log in a bucket",
    "postgres-standby": "this stack has no standby",
}
OF_THE_HOST = ("free ", "last ", "journalctl ")  # a container's host has them


def blocks_for_a_stack() -> list[str]:
    """Return the blocks of the runbook that are pasted beside a stack, without what is no command of it."""
    found = []
    for block in map(textwrap.dedent, BLOCKS):
        lines = [line for line in block.splitlines() if not line.startswith(OF_THE_HOST)]
        if lines and not any(words in line for line in lines for words in NOT_IN_A_STACK):
            found.append("\n".join(lines))
    return found


# What a block leaves in the shell for later ones: functions, and variables that are no commands.
_KEPT = re.compile(
    r"^(?:[\w-]+\(\) \{.*\}$|[\w-]+\(\) \{[^}\n]*\n(?s:.*?)^\}|export .*$|(?:stack|server)=.*$)", re.MULTILINE
)


class Operator:
    """Pastes blocks of the runbook into a shell."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._functions = ""

    def paste(self, block: str) -> None:
        """Run a block, with this stack's names and ports. Raises AssertionError with what it printed."""
        text = self._of_this_stack(block)
        script = f"set -euo pipefail\n{self._functions}{text}\n"
        self._functions += "".join(f"{kept}\n" for kept in _KEPT.findall(text))
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = done.stderr[-3_000:] + done.stdout[-3_000:]
        assert done.returncode == 0, f"{block}\nended with {done.returncode}:\n{said}"
        if re.search(r"docker (restart|stop|start)", text):
            for name in self._stack.services:
                self._stack.wait_healthy(name)

    def _of_this_stack(self, block: str) -> str:
        ports = self._stack.ports
        text = re.sub(r"^export DOCKER_HOST=.*$", f"export DOCKER_HOST={self._stack.engine.host}", block, flags=re.M)
        text = text.replace("stack=selfhost", "stack=test")
        text = text.replace("$(pulumi config get alertsToken -s selfhost)", SECRETS["alertsToken"])
        for inside, name in ((9090, "prometheus"), (9093, "alertmanager"), (8081, "alerts")):
            text = re.sub(rf"^(curl .*127\.0\.0\.1:){inside}", rf"\g<1>{ports[name]}", text, flags=re.M)
            text = re.sub(rf"^( +-d .*127\.0\.0\.1:){inside}", rf"\g<1>{ports[name]}", text, flags=re.M)
        if "1c399dfeb84b" in text:
            listed = json.loads(self._said("token", "list", "--user", "ann", "--json"))
            text = text.replace("1c399dfeb84b", next(one["id"] for one in listed if one["revoked_at"] is None))
        if "claude-memory-20260508T020000Z.tar" in text:
            newest = json.loads(self._said("backups", "list", "--json"))[0]["place"]
            text = text.replace("claude-memory-20260508T020000Z.tar", Path(newest).name)
        return text

    def _said(self, *arguments: str) -> str:
        return self._stack.engine.run("exec", self._stack.ids["memory-app-worker"], "claude-memory", *arguments)


@pytest.mark.skipif("RUNBOOK_ON_DOCKER" not in os.environ, reason="takes four minutes: set RUNBOOK_ON_DOCKER=1")
def test_every_command_of_the_runbook_works_as_pasted(stack: Stack, tmp_path: Path) -> None:
    operator = Operator(stack, tmp_path)
    blocks = blocks_for_a_stack()
    # Last what stops everything, and then what no token outlives.
    last = [block for words in ("worker.env", "update tokens") for block in blocks if words in block]
    functions, *rest = [block for block in blocks if block not in last]
    operator.paste(functions)
    operator.paste("claude-memory backup")  # the first night has passed
    for block in [*rest, *last]:
        operator.paste(block)

    assert len(blocks) > 30
    assert {path.name for path in tmp_path.iterdir()} >= {"ops.token", "bob.jsonl", "worker.env"}
