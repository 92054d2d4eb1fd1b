"""`rollback`: to what was live before, or to a deploy that is named."""

from __future__ import annotations

from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
)


def test_a_rollback_goes_to_what_was_live_before(stack: Stack, drive: Drive, render: Server) -> None:
    first = stack.services["web"].deploys[0]["id"]
    stack.deploy("web", commitId="bad")
    stack.services["web"].outcomes.append("update_failed")
    stack.deploy("web", commitId="worse")

    ran = drive("rollback", "--service", "web")
    assert ran.status == 0, ran.err
    assert f"back to {first} (59bb072 Initial commit)" in ran.err
    assert "deploys of new commits stay on" in ran.err
    assert "builds" not in ran.err
    assert stack.services["web"].deploys[-1]["commit"]["id"].startswith("59bb072")


def test_a_rollback_goes_to_a_deploy_that_is_named(stack: Stack, drive: Drive) -> None:
    first = stack.services["web"].deploys[0]["id"]
    stack.deploy("web")
    stack.deploy("web")

    assert f"back to {first}" in drive("rollback", "--service", "web", "--to", first).err


def test_what_was_never_live_is_no_target(stack: Stack, drive: Drive) -> None:
    assert "no deploy that was live before" in drive("rollback", "--service", "web").err
    stack.services["web"].outcomes.append("update_failed")
    broken = stack.deploy("web")["id"]

    ran = drive("rollback", "--service", "web", "--to", broken)
    assert (ran.status, "was never live" in ran.err) == (2, True)


def test_a_rollback_takes_one_service(stack: Stack, drive: Drive) -> None:
    assert drive("rollback").status == 2
    assert drive("rollback", "--service", "web", "--service", "worker").status == 2


def test_a_deploy_that_is_not_the_services_is_told(stack: Stack, drive: Drive, render: Server) -> None:
    ran = drive("rollback", "--service", "web", "--to", "dep-gone")

    assert (ran.status, render.changes()) == (2, [])
    assert "claude-memory-web has no such deploy; `deploys --service claude-memory-web` lists them" in ran.err
