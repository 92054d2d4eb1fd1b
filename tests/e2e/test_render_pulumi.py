"""The example stacks of Render through the real Pulumi CLI, against the stand-in of Render's API.

Needs the Pulumi CLI on PATH; without it these tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.standins.render.server import Server
from tests.standins.render.state import Request
from tests.support.pulumi_cli import PulumiProject, needs_pulumi
from tests.support.render import serving
from tests.support.stacks import BACKUP_KEYS, RENDER_SECRETS, SECRETS

pytestmark = [needs_pulumi, pytest.mark.timeout(900)]

PRODUCTION, DEVELOPMENT = "Pulumi.render.yaml", "Pulumi.render-dev.yaml"
PASSPHRASE = "made-up-passphrase-of-backups"


@dataclass
class Stack:
    """A stack of the project, against the stand-in."""

    pulumi: PulumiProject
    render: Server
    name: str

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of the CLI on the stack."""
        return self.pulumi.run(*arguments, "--stack", self.name, fails=fails)

    def up(self) -> str:
        """Bring the stack to what is configured."""
        return self.run("up", "--yes", "--skip-preview")

    def set(self, key: str, value: str) -> None:
        """Set a key of the configuration."""
        self.pulumi.set(self.name, key, value)

    @property
    def resources(self) -> int:
        """How many resources the stack has at Render."""
        exported = json.loads(self.run("stack", "export"))["deployment"].get("resources") or []
        return len([one for one in exported if one["type"].startswith("render:index:")])

    def service(self, name: str) -> str:
        """Return the id of a service."""
        return next(one.id for one in self.render.state.services.values() if one.shown["name"] == name)

    def deploys(self, name: str) -> list[str]:
        """Return how a service's deploys ended, the first one first."""
        service = self.render.state.services[self.service(name)]
        return [deploy["status"] for deploy in service.deploys]


@pytest.fixture(scope="module")
def render() -> Iterator[Server]:
    """The stand-in by the real time, with Render's rate limits in force."""
    with serving(Server()) as server:
        yield server


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory: pytest.TempPathFactory) -> PulumiProject:
    return PulumiProject(tmp_path_factory.mktemp("pulumi"))


def taken(pulumi: PulumiProject, render: Server, example: str, secrets: dict[str, str]) -> Stack:
    access = {"renderApiUrl": render.url, "owner": render.state.owner}
    return Stack(pulumi, render, pulumi.take(example, {**secrets, "renderApiKey": render.key}, **access))


@pytest.fixture(scope="module")
def production(pulumi: PulumiProject, render: Server) -> Stack:
    secrets = {**RENDER_SECRETS, **BACKUP_KEYS, "BACKUP_PASSPHRASE": PASSPHRASE}
    return taken(pulumi, render, PRODUCTION, secrets)


@pytest.fixture(scope="module")
def development(pulumi: PulumiProject, render: Server) -> Stack:
    return taken(pulumi, render, DEVELOPMENT, {"adminToken": RENDER_SECRETS["adminToken"]})


def is_poll(request: Request) -> bool:
    """Whether a call looks at how far a deploy or a store is."""
    return request.method == "GET" and ("/deploys/" in request.path or request.path.count("/") == 2)


# The tests of this file are steps of one story, in this order.


def test_a_preview_asks_render_to_change_nothing(production: Stack, render: Server) -> None:
    output = production.run("preview", "--diff")

    assert "+ 26 to create" in output
    assert render.changes() == []


def test_the_first_up_takes_two_calls_a_resource_within_every_limit(production: Stack, render: Server) -> None:
    render.requests.clear()
    production.up()

    calls = [f"{one.method} {one.path}" for one in render.requests if not is_poll(one)]
    assert production.resources == 12
    assert len(calls) <= 2 * production.resources, calls
    assert render.limits.refused == 0
    assert render.undocumented == []
    assert {one.shown["name"].rpartition("-")[2] for one in render.state.services.values()} == {
        *("web", "worker", "maintenance", "backup", "qdrant", "alerts", "alertmanager", "prometheus")
    }


def test_every_service_is_live_and_web_and_worker_were_never_deployed_without_their_settings(
    production: Stack, render: Server
) -> None:
    for service in render.state.services.values():
        assert production.deploys(service.shown["name"])[-1] == "live", service.shown["name"]
    for name in ("claude-memory-web", "claude-memory-worker"):
        assert production.deploys(name)[:-1] == ["canceled"], "the deploy that began before the settings were there"


def test_a_second_up_asks_nothing_of_render(production: Stack, render: Server) -> None:
    render.requests.clear()
    production.run("preview", "--expect-no-changes")
    output = production.up()

    assert render.requests == []
    assert "26 unchanged" in output


def test_a_refresh_finds_no_drift(production: Stack, render: Server) -> None:
    production.run("refresh", "--yes", "--expect-no-changes")
    production.run("preview", "--expect-no-changes")

    assert render.changes() == []


def test_drift_is_found_and_undone(production: Stack, render: Server) -> None:
    web = render.state.services[production.service("claude-memory-web")]
    web.details["healthCheckPath"] = "/by-hand"

    assert "healthCheckPath" in production.run("refresh", "--yes", "--diff")
    production.up()
    assert web.details["healthCheckPath"] == "/health"


def test_a_changed_setting_changes_the_group_and_deploys_what_reads_it(production: Stack, render: Server) -> None:
    before = {one.shown["name"]: len(one.deploys) for one in render.state.services.values()}
    production.set("EMBEDDING_QUERY_PREFIX", "query: ")
    production.up()

    deployed = {
        one.shown["name"] for one in render.state.services.values() if len(one.deploys) > before[one.shown["name"]]
    }
    assert {"claude-memory-web", "claude-memory-worker"} <= deployed
    assert not deployed & {"claude-memory-qdrant", "claude-memory-prometheus", "claude-memory-alertmanager"}
    [group] = render.state.groups.values()
    assert {"key": "EMBEDDING_QUERY_PREFIX", "value": "query: "} in group["envVars"]
    production.run("preview", "--expect-no-changes")


def test_a_changed_secret_is_shown_nowhere_and_reaches_all_that_use_it(production: Stack, render: Server) -> None:
    changed = "another-made-up-key-of-qdrant"
    production.run("config", "set", "--secret", "qdrantApiKey", changed)
    assert changed not in production.run("preview", "--diff")
    production.up()

    [group] = render.state.groups.values()
    assert {"key": "QDRANT_API_KEY", "value": changed} in group["envVars"]
    qdrant, prometheus = (
        render.state.services[production.service(f"claude-memory-{role}")] for role in ("qdrant", "prometheus")
    )
    assert {"key": "QDRANT__SERVICE__API_KEY", "value": changed} in [one["envVar"] for one in qdrant.variables]
    assert {"name": "qdrant_api_key", "content": changed} in [one["secretFile"] for one in prometheus.files]
    production.run("preview", "--expect-no-changes")


def test_a_second_environment_joins_the_project(production: Stack, development: Stack, render: Server) -> None:
    project = production.pulumi.outputs(production.name)["project_id"]
    development.run("config", "rm", "--path", "claude-memory:project.name")
    development.set("project.id", project)
    development.up()

    assert len(render.state.projects) == 1
    assert {one["name"] for one in render.state.environments.values()} == {"production", "development"}
    web = render.state.services[development.service("claude-memory-dev-web")]
    assert web.details["plan"] == "free"
    assert "preDeployCommand" not in web.details["envSpecificDetails"]
    assert development.pulumi.outputs(development.name)["database_expires_at"]
    development.run("preview", "--expect-no-changes")
    development.run("refresh", "--yes", "--expect-no-changes")
    production.run("preview", "--expect-no-changes")


def test_no_secret_is_in_clear_in_the_state_or_in_what_was_printed(pulumi: PulumiProject, render: Server) -> None:
    secrets = [
        *(value for name, value in SECRETS.items() if name in RENDER_SECRETS),
        *(*BACKUP_KEYS.values(), PASSPHRASE, render.key, "another-made-up-key-of-qdrant", "postgresql://"),
    ]
    kept = pulumi.kept()

    assert "claude-memory-web" in kept, "the state is somewhere else"
    assert [secret for secret in secrets if secret in kept] == []
    assert [secret for secret in secrets if secret in pulumi.said] == []


def test_the_database_of_production_is_not_destroyed_by_accident(production: Stack, render: Server) -> None:
    output = production.run("destroy", "--yes", "--skip-preview", fails=True)

    assert "memory-postgres" in output
    assert "protected" in output
    assert len(render.state.stores) == 2


def test_both_stacks_are_destroyed_and_nothing_is_left(production: Stack, development: Stack, render: Server) -> None:
    development.run("destroy", "--yes", "--skip-preview")
    production.set("keepData", "false")
    production.up()
    production.run("destroy", "--yes", "--skip-preview")

    state = render.state
    left = (state.services, state.stores, state.groups, state.projects, state.environments, state.disks)
    assert not any(left)
