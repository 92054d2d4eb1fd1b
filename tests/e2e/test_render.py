"""The Render stacks' containers on a real Docker engine, started as Render starts them, with a real MCP client.

Images, commands, variables, files, ports and checks are those the program declares (infra/plan.py). Images are made of
Debian packages; Qdrant is the stand-in of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra import versions
from infra.monitoring.rules import rules_for
from infra.plan import Plan, plan_of
from tests.support.docker import DockerEngine
from tests.support.render_docker import NETWORK, RenderedStack
from tests.support.s3 import s3_server
from tests.support.serving import ROOT
from tests.support.stacks import BACKUP_KEYS, SECRETS, example_values, render_plan
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
INSTANCES = 2
BUCKET = "claude-memory-backups"


class Stack(RenderedStack):
    """A running stack, as a client sees it."""

    def __init__(self, engine: DockerEngine, plan: Plan, images: dict[str, str], prefix: str) -> None:
        super().__init__(engine, plan, images)
        self.prefix = prefix

    def url(self, number: int = 1) -> str:
        """Return the address of an instance of the web service."""
        return self.address(f"{self.prefix}-web" if number == 1 else f"{self.prefix}-web-{number}")

    async def call(self, tool: str, number: int = 1, **arguments: Any) -> dict[str, Any]:
        """Call a tool of an instance, as a client does."""
        headers = {"Authorization": f"Bearer {SECRETS['adminToken']}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(f"{self.url(number)}/mcp", http_client=http)) as client,
        ):
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result
        return dict(result.structured_content)

    def ask(self, role: str, port: int, path: str) -> Any:
        """Ask Prometheus or Alertmanager."""
        return httpx.get(f"{self.address(f'{self.prefix}-{role}', port)}{path}", timeout=10).json()


@pytest.fixture(scope="module")
def images(engine: DockerEngine) -> dict[str, str]:
    """What stands for each image that a stack names, built here."""
    app, services = engine.app(), engine.image("services")
    made = {name: engine.image(name, BASE=services) for name in ("postgres", "prometheus", "alertmanager")}
    return {
        "app": app,
        "postgres": made["postgres"],
        versions.PROMETHEUS: made["prometheus"],
        versions.ALERTMANAGER: made["alertmanager"],
        versions.QDRANT: engine.qdrant(app),
    }


@pytest.fixture(scope="module")
def network(engine: DockerEngine) -> Iterator[str]:
    """Render's private network; yields the address of this machine in it."""
    engine.run("network", "create", NETWORK)
    yield engine.run("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", NETWORK)
    engine.run("network", "rm", NETWORK, check=False)


@pytest.fixture(scope="module")
def bucket(network: str) -> Iterator[str]:
    """A store for backups that containers reach; yields its address."""
    with s3_server(network) as url:
        httpx.put(f"{url}/{BUCKET}").raise_for_status()
        yield url


@pytest.fixture(scope="module")
def production(engine: DockerEngine, images: dict[str, str], bucket: str) -> Iterator[Stack]:
    """Everything but the domain of a paid stack, with two instances of the web service."""
    plan = render_plan(
        web={"plan": "standard", "scaling": {"min": 1, "max": 3}},
        worker={},
        cron={},
        qdrant={},
        monitoring={},
        secrets={**BACKUP_KEYS, "BACKUP_PASSPHRASE": "made-up-passphrase"},
        BACKUP_TO=f"s3://{BUCKET}/production",
        BACKUP_S3_ENDPOINT=bucket,
        RATE_LIMIT_PER_MINUTE="0",
    )
    stack = Stack(engine, plan, images, "claude-memory-test")
    try:
        stack.up(INSTANCES)
        yield stack
    finally:
        stack.down()


async def test_a_client_with_a_token_remembers_in_one_instance_and_finds_in_the_other(production: Stack) -> None:
    stored = await production.call("memorize", text="The lighthouse keeper's cat is called Pharos.")
    found = await production.call("search_memory", 2, query="What is the lighthouse keeper's cat called?")

    assert found["results"][0]["id"] == stored["id"]
    assert not found["degraded"]


def test_health_is_told_to_everyone_and_the_rest_only_with_a_token(production: Stack) -> None:
    assert httpx.get(f"{production.url()}/health").status_code == 200
    refused = httpx.post(f"{production.url()}/mcp", json={}, headers={"Accept": "application/json"})
    assert refused.status_code == 401
    assert httpx.get(f"{production.url()}/metrics").status_code in (401, 404)


def test_the_database_was_prepared_before_the_first_instance_served(production: Stack) -> None:
    [prepared] = [name for name in production.ids if "-web-init-" in name]

    assert "schema" in production.logs(prepared)
    assert "token" in production.logs(prepared)


def test_a_worker_leads_and_keeps_no_schedule(production: Stack) -> None:
    wait_until(lambda: "this worker leads" in production.logs("claude-memory-test-worker"), "a worker that leads", 30)
    assert "begins" not in production.logs("claude-memory-test-worker")


def test_maintenance_and_backups_run_as_cron_jobs(production: Stack, bucket: str) -> None:
    assert "maintained in" in production.run_job("claude-memory-test-maintenance")

    assert f"s3://{BUCKET}/production/" in production.run_job("claude-memory-test-backup")
    listed = httpx.get(f"{bucket}/{BUCKET}", params={"list-type": "2"}).text
    assert "<Key>production/claude-memory-" in listed


def test_prometheus_finds_every_instance_and_every_service(production: Stack) -> None:
    def targets() -> list[Any]:
        return list(production.ask("prometheus", 9090, "/api/v1/targets")["data"]["activeTargets"])

    wait_until(
        lambda: len(targets()) == INSTANCES + 3 and all(one["health"] == "up" for one in targets()), "targets", 60
    )
    assert [one["labels"]["job"] for one in targets()].count("claude-memory") == INSTANCES


def test_prometheus_judges_by_every_rule_that_it_can_feed(production: Stack) -> None:
    groups = production.ask("prometheus", 9090, "/api/v1/rules")["data"]["groups"]

    found = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(found) == {rule.name for rule in rules_for({"claude-memory"})}
    assert "err" not in found.values()


def test_an_alert_arrives_at_the_receiver_and_is_kept_on_its_disk(production: Stack) -> None:
    def arrived() -> bool:
        log = production.read("claude-memory-test-alerts", "/var/data/claude-memory/alerts/alerts.jsonl") or b""
        return any(json.loads(line)["labels"]["alertname"] == "ClaudeMemoryWatchdog" for line in log.splitlines())

    wait_until(arrived, "the watchdog in the receiver's log", 60)


@pytest.fixture
def development(engine: DockerEngine, images: dict[str, str], network: str) -> Iterator[Stack]:
    """The free example stack."""
    stack = Stack(engine, plan_of(example_values(ROOT / "Pulumi.render-dev.yaml")), images, "claude-memory-dev")
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


async def test_a_free_stack_remembers_with_one_service_and_a_database(development: Stack) -> None:
    stored = await development.call("memorize", text="The harbour master's parrot is called Bosun.")
    found = await development.call("search_memory", query="harbour master's parrot")

    assert found["results"][0]["id"] == stored["id"]
    assert not found["degraded"]
    assert set(development.ids) == {"claude-memory-dev-postgres", "claude-memory-dev-web"}
