"""`deploy`: what each mode sends, and what is refused before anything is changed."""

from __future__ import annotations

import pytest

from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
)


@pytest.mark.parametrize(
    ("arguments", "role", "body"),
    [
        pytest.param([], "web", {"deployMode": "build_and_deploy"}, id="a repository is built"),
        pytest.param([], "qdrant", {"deployMode": "deploy_only"}, id="an image is deployed"),
        pytest.param(["--mode", "deploy"], "web", {"deployMode": "deploy_only"}, id="deploy"),
        pytest.param(["--mode", "rebuild"], "web", {"deployMode": "build_and_deploy"}, id="rebuild"),
        pytest.param(["--commit", "abc123"], "web", {"commitId": "abc123"}, id="commit"),
        pytest.param(["--clear-cache"], "web", {"clearCache": "clear"}, id="clear cache"),
    ],
)
def test_what_a_mode_sends(
    arguments: list[str], role: str, body: dict[str, str], stack: Stack, drive: Drive, render: Server
) -> None:
    assert drive("deploy", "--service", role, *arguments).status == 0
    assert [(one.path.rsplit("/", 1)[1], one.body) for one in render.changes()] == [("deploys", body)]


def test_save_keeps_an_image_for_the_next_deploy(stack: Stack, drive: Drive, render: Server) -> None:
    ran = drive("deploy", "--service", "qdrant", "--mode", "save", "--image", "qdrant/qdrant:v1.19.0")

    assert (ran.status, ran.out) == (0, "saved; the next deploy takes it\n")
    assert [one.method for one in render.changes()] == ["PATCH"]
    assert stack.services["qdrant"].shown["imagePath"] == "docker.io/qdrant/qdrant:v1.19.0"
    assert len(stack.services["qdrant"].deploys) == 1


def test_a_new_image_keeps_its_registry_credential(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["qdrant"].shown["registryCredential"] = {"id": "rgc-1", "name": "ghcr"}

    drive("deploy", "--service", "qdrant", "--image", "ghcr.io/example/qdrant:2")

    assert render.changes()[0].body["image"]["registryCredentialId"] == "rgc-1"


def test_a_branch_is_saved_and_built(stack: Stack, drive: Drive, render: Server) -> None:
    drive("deploy", "--service", "web", "--branch", "next")

    assert stack.services["web"].shown["branch"] == "next"
    assert len(stack.services["web"].deploys) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--mode", "save"], "nothing to save", id="nothing to save"),
        pytest.param(["--mode", "deploy", "--commit", "abc"], "use --mode rebuild", id="commit without a build"),
        pytest.param(["--image", "nginx"], "is built from a repository", id="an image for a repository"),
        pytest.param(["--mode", "turbo"], "invalid choice", id="unknown mode"),
        pytest.param(["--service", "qdrant", "--commit", "abc"], "runs an image", id="a commit for an image"),
        pytest.param(["--service", "qdrant", "--mode", "rebuild"], "built elsewhere", id="rebuild an image"),
    ],
)
def test_wrong_usage_changes_nothing(
    arguments: list[str], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("deploy", "--service", "web", *arguments)

    assert ran.status == 2
    assert said in ran.err
    assert render.changes() == []


def test_all_of_a_stack_is_deployed_only_when_it_is_named(stack: Stack, drive: Drive, render: Server) -> None:
    assert drive("deploy").status == 2
    assert render.changes() == []

    assert drive("deploy", "--stack", "render").status == 0
    assert {role: len(one.deploys) for role, one in stack.services.items()} == dict.fromkeys(stack.services, 2)


def test_a_suspended_service_is_not_deployed(stack: Stack, drive: Drive) -> None:
    stack.services["web"].shown["suspended"] = "suspended"

    ran = drive("deploy", "--service", "web")
    assert (ran.status, "`resume --service claude-memory-web`" in ran.err) == (2, True)


def test_what_is_saved_is_reported_as_json(stack: Stack, drive: Drive) -> None:
    ran = drive("deploy", "--service", "web", "--branch", "next", "--mode", "save", "--json")

    assert ran.json == [{"service": "claude-memory-web", "saved": {"branch": "next"}}]
