"""Which services and which workspace are meant, by what a user calls them."""

from __future__ import annotations

import pytest

from tests.standins.render.server import Server
from tests.support.render_stack import (
    DOCKER,
    Drive,
    Stack,
)


def rows(drive: Drive, *more: str) -> dict[str, dict[str, str]]:
    ran = drive("status", "--json", *more)
    assert ran.status == 0, ran.err
    return {row["name"].removeprefix("claude-memory-"): row for row in ran.json}


def test_services_of_other_stacks_are_left_out(stack: Stack, drive: Drive) -> None:
    stack.add("dev-web", "web_service", DOCKER, repo="https://github.com/example/claude-memory")
    stack.add("prod-old-web", "web_service", DOCKER, repo="https://github.com/example/claude-memory")

    assert set(rows(drive)) == {"web", "worker", "backup", "qdrant"}
    assert set(rows(drive, "--stack", "render-dev")) == {"dev-web"}
    assert set(rows(drive, "--stack", "organisation/claude-memory/prod-old")) == {"prod-old-web"}


@pytest.mark.parametrize("wanted", ["claude-memory-web", "web", "ID"])
def test_a_service_is_named_by_name_role_or_id(wanted: str, stack: Stack, drive: Drive) -> None:
    wanted = stack.services["web"].id if wanted == "ID" else wanted

    assert set(rows(drive, "--service", wanted, "--service", "worker", "--service", wanted)) == {"web", "worker"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param("wbe", "did you mean web", id="a slip in a role"),
        pytest.param("claude-memory-werker", "did you mean claude-memory-worker", id="a slip in a name"),
        pytest.param("Claude-Memory-Web", "did you mean claude-memory-web", id="capitals"),
        pytest.param("frontend", "there are claude-memory-backup, claude-memory-qdrant,", id="nothing near"),
    ],
)
def test_an_unknown_service_is_wrong_usage_with_what_is_near(
    wanted: str, said: str, stack: Stack, drive: Drive
) -> None:
    ran = drive("status", "--service", wanted)

    assert ran.status == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_stack_without_services_is_told_with_what_there_is(stack: Stack, drive: Drive) -> None:
    ran = drive("status", "--stack", "staging")

    assert ran.status == 1
    assert "no service of the stack staging (claude-memory-staging-web, …)" in ran.err
    assert "there are claude-memory-backup" in ran.err


def test_the_only_workspace_is_taken(stack: Stack, drive: Drive, render: Server) -> None:
    drive("status")

    assert [one.path for one in render.requests].count("/owners") == 1


@pytest.mark.parametrize("owner", ["Stand-in", "tea-cspvinogph6c73ft00h0"])
def test_a_workspace_is_named_by_name_or_id(owner: str, stack: Stack, drive: Drive) -> None:
    assert drive("status", "--owner", owner).status == 0
    assert drive("status", RENDER_OWNER=owner).status == 0
