"""The selfhost program through the real Pulumi engine, on a file backend: up, changes, failures, destroy.

Needs the Pulumi CLI with the Docker provider's plugin on this machine; without them these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.selfhost.labels import filters
from tests.e2e.test_selfhost import images
from tests.support.docker import ROOT, DockerEngine, free_port
from tests.support.stacks import SECRETS

pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs the Pulumi CLI on PATH"),
]
__all__ = ["images"]  # a fixture

STACK = "selfhost-test"
_UP_S = 600


class Pulumi:
    """The CLI on a stack of its own; its state is in a folder, its configuration beside links to the programs."""

    def __init__(self, folder: Path, engine: DockerEngine) -> None:
        self.state, self._project, self.engine = folder / "state", folder / "project", engine
        for made in (self.state, self._project):
            made.mkdir()
        for linked in ("Pulumi.yaml", "infra", ".venv"):
            (self._project / linked).symlink_to(ROOT / linked)
        self.port = free_port()
        self._environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": "made-up passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI."""
        command = ["pulumi", "--non-interactive", *arguments]
        if arguments[:2] != ("stack", "init"):
            command[3:3] = ["--stack", STACK]
        done = subprocess.run(
            command,
            cwd=self._project,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_UP_S,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
        return done

    def set(self, key: str, value: str, *options: str) -> None:
        """Set a key of the configuration."""
        self("config", "set", *options, "--", key, value)

    def up(self, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Bring the stack to what is configured."""
        return self("up", "--yes", "--skip-preview", check=check)

    def errors(self, failed: subprocess.CompletedProcess[str]) -> list[str]:
        """Return the names of the resources that an update told an error of."""
        told = failed.stdout.partition("Diagnostics:")[2]
        assert "Traceback" not in told
        return re.findall(r"^  docker:index:\w+ \(([^)]+)\):\n    error:", told, re.MULTILINE)

    def running(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        return self.engine.run("ps", "--quiet", *filters(STACK, service)).split()

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool through the proxy."""
        headers = {"Authorization": f"Bearer {SECRETS['adminToken']}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(f"http://127.0.0.1:{self.port}/mcp", http_client=http)) as client,
        ):
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result
        return result.structured_content


@pytest.fixture(scope="module")
def pulumi(engine: DockerEngine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulumi]:
    """A stack that is up; destroyed at the end, with its volumes."""
    pulumi = Pulumi(tmp_path_factory.mktemp("pulumi"), engine)
    pulumi("stack", "init", "--no-select", STACK)
    pulumi.set("target", "selfhost")
    for kind, image in images.items():
        pulumi.set(f"images.{kind}", image, "--path")
    for role in ("data", "app", "monitoring", "edge"):
        pulumi.set(f"hosts.{role}.docker", engine.host, "--path")
    pulumi.set("ports.http", str(pulumi.port), "--path")
    for name in ("prometheus", "alertmanager", "alerts"):
        pulumi.set(f"ports.{name}", str(free_port()), "--path")
    pulumi.set("RATE_LIMIT_PER_MINUTE", "0")  # calls without a pause are what is tried here
    for key, value in SECRETS.items():
        pulumi.set(key, value, "--secret")
    before = set(engine.run("volume", "ls", "--quiet").split())
    try:
        pulumi.up()
        yield pulumi
    finally:
        pulumi("destroy", "--yes", check=False)
        left = set(engine.run("volume", "ls", "--quiet").split()) - before
        if left:
            engine.run("volume", "rm", "--force", *left, check=False)


def test_a_second_preview_shows_no_difference(pulumi: Pulumi) -> None:
    pulumi("preview", "--expect-no-changes")


def test_a_refresh_finds_no_difference(pulumi: Pulumi) -> None:
    pulumi("refresh", "--yes", "--expect-no-changes")


def test_no_secret_is_in_clear_in_the_state_or_in_docker_inspect(pulumi: Pulumi) -> None:
    state = "".join(path.read_text() for path in pulumi.state.rglob("*.json*") if path.is_file())
    ids = pulumi.engine.run("ps", "--all", "--quiet").split()
    shown = pulumi.engine.run("inspect", *ids)

    assert STACK in state, "the state is somewhere else"
    assert not [name for name, value in SECRETS.items() if value in state]
    assert not [name for name, value in SECRETS.items() if value in shown]


def test_the_outputs_tell_what_to_do_next(pulumi: Pulumi) -> None:
    outputs = json.loads(pulumi("stack", "output", "--json").stdout)

    assert outputs["mcp_url"] == f"http://127.0.0.1:{pulumi.port}/mcp"
    assert json.loads(outputs["client_configuration"])["mcpServers"]["memory"]["url"] == outputs["mcp_url"]


async def test_a_changed_setting_rolls_replica_by_replica_and_fails_no_call(pulumi: Pulumi) -> None:
    stored = await pulumi.call("memorize", text="The night watchman's dog is called Beacon.")
    old = pulumi.running("memory-app-1") + pulumi.running("memory-app-2")
    pulumi.set("LOG_LEVEL", "DEBUG")
    calls, rolling = 0, asyncio.create_task(asyncio.to_thread(pulumi.up))
    while not rolling.done():
        found = await pulumi.call("search_memory", query="night watchman's dog")
        assert stored["id"] in [one["id"] for one in found["results"]]
        calls += 1
        await asyncio.sleep(0.1)
    await rolling

    assert calls > 10
    assert not set(old) & set(pulumi.running("memory-app-1") + pulumi.running("memory-app-2"))


def test_a_changed_rule_file_reloads_prometheus_without_a_restart(pulumi: Pulumi) -> None:
    before = pulumi.running("memory-prometheus")
    pulumi.set("replicas", "3")
    pulumi.up()
    try:
        assert pulumi.running("memory-prometheus") == before
        assert len(pulumi.running("memory-app-3")) == 1
    finally:
        pulumi.set("replicas", "2")
        pulumi.up()


def test_a_replica_that_does_not_become_healthy_keeps_the_old_ones_and_tells_its_last_words(
    pulumi: Pulumi, engine: DockerEngine, images: dict[str, str]
) -> None:
    old = pulumi.running("memory-app-1") + pulumi.running("memory-app-2")
    pulumi.set("images.app", engine.image("never-ready", APP=images["app"]), "--path")
    failed = pulumi.up(check=False)
    try:
        assert failed.returncode != 0
        assert pulumi.errors(failed) == ["memory-app-1"]
        assert '"logger": "' in failed.stdout.partition("the last log lines of memory-app-1:")[2]
        assert set(old) <= set(pulumi.running("memory-app-1") + pulumi.running("memory-app-2"))
    finally:
        pulumi.set("images.app", images["app"], "--path")
        pulumi.up()
    pulumi("preview", "--expect-no-changes")


def test_a_missing_image_is_one_error_with_its_name_and_leaves_the_rest_up(
    pulumi: Pulumi, images: dict[str, str]
) -> None:
    old = pulumi.running("memory-app-1")
    pulumi.set("images.app", "claude-memory-test/app:there-is-no-such-tag", "--path")
    failed = pulumi.up(check=False)
    try:
        assert failed.returncode != 0
        assert pulumi.errors(failed) == ["memory-data-app-image"]
        assert pulumi.running("memory-app-1") == old
    finally:
        pulumi.set("images.app", images["app"], "--path")
        pulumi.up()


def test_a_port_in_use_is_one_error_with_its_name_and_the_next_up_goes_on_from_there(pulumi: Pulumi) -> None:
    old = pulumi.running("memory-app-1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        pulumi.set("ports.alertmanager", str(taken.getsockname()[1]), "--path")
        failed = pulumi.up(check=False)

        assert failed.returncode != 0
        assert pulumi.errors(failed) == ["memory-alertmanager"]
        assert "address already in use" in failed.stdout
        assert pulumi.running("memory-app-1") == old
    pulumi.up()
    pulumi("preview", "--expect-no-changes")


def test_an_engine_that_is_away_is_one_error_and_nothing_is_touched(pulumi: Pulumi) -> None:
    old = pulumi.running("memory-app-1")
    for role in ("data", "app", "monitoring", "edge"):
        pulumi.set(f"hosts.{role}.address", "127.0.0.1", "--path")
    pulumi.set("hosts.data.docker", "ssh://deploy@127.0.0.1:1", "--path")
    failed = pulumi.up(check=False)
    pulumi.set("hosts.data.docker", pulumi.engine.host, "--path")

    assert failed.returncode != 0
    assert failed.stdout.count("ssh://deploy@127.0.0.1:1") == 1
    assert "1 Docker engine of the stack cannot be used; nothing was changed" in failed.stdout
    assert pulumi.running("memory-app-1") == old


def test_a_wrong_configuration_is_refused_before_anything_is_touched(pulumi: Pulumi) -> None:
    old = pulumi.running("memory-app-1")
    pulumi.set("nonsense", "1")
    failed = pulumi.up(check=False)
    pulumi("config", "rm", "nonsense")

    assert failed.returncode != 0
    assert "nonsense: there is no such key" in failed.stdout
    assert pulumi.running("memory-app-1") == old


async def test_destroy_keeps_the_data_and_the_next_up_takes_it_back(pulumi: Pulumi) -> None:
    stored = await pulumi.call("memorize", text="The pilot boat's engine is called Clementine.")
    pulumi("destroy", "--yes")
    assert not pulumi.running("memory-postgres")

    pulumi.up()
    found = await pulumi.call("search_memory", query="pilot boat's engine")
    assert stored["id"] in [one["id"] for one in found["results"]]
