"""Deploys as resources."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import DOCKER
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed

WEB = {"web": ("render:index:WebService", {"name": "web", **DOCKER})}


def program(stack: Engine, **more: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a program with a deploy of its service."""
    if not stack.resources:
        stack.up(WEB)
    return WEB | {"deploy": ("render:index:Deploy", {"serviceId": stack.resources["web"].id, **more})}


def deploys(render: Server) -> list[dict[str, Any]]:
    """Return the deploys of the one service, oldest first."""
    [service] = render.state.services.values()
    return service.deploys


def test_a_failed_deploy_is_started_again_by_the_next_update(stack: Engine, render: Server) -> None:
    wanted = program(stack)
    [service] = render.state.services.values()
    service.outcomes.append("update_failed")

    with pytest.raises(StepFailed, match="failed while starting the new instances"):
        stack.up(wanted)
    stack.up(wanted)

    assert [one["status"] for one in deploys(render)] == ["deactivated", "update_failed", "live"]
    assert stack.resources["deploy"].values["status"] == "live"
    stack.refresh()
    stack.up(wanted)
    assert ("same", "deploy") in stack.steps


def test_a_deploy_that_render_forgot_is_no_reason_for_another(stack: Engine, render: Server) -> None:
    wanted = program(stack)
    stack.up(wanted)
    del deploys(render)[1:]

    stack.refresh()
    stack.up(wanted)

    assert ("same", "deploy") in stack.steps


def test_a_deploy_of_a_suspended_service_says_what_to_do(stack: Engine, render: Server, api: RenderApi) -> None:
    wanted = program(stack)
    api.services.suspend(stack.resources["web"].id)

    with pytest.raises(StepFailed, match="resume it first"):
        stack.up(wanted)


def test_leaving_the_program_undoes_nothing(stack: Engine, render: Server) -> None:
    stack.up(program(stack))
    render.requests.clear()

    stack.up(WEB)

    assert render.requests == []


@pytest.mark.parametrize(
    ("properties", "body"),
    [
        ({}, {}),
        ({"mode": "deploy"}, {"deployMode": "deploy_only"}),
        ({"mode": "rebuild"}, {"deployMode": "build_and_deploy"}),
        ({"clearCache": True, "commitId": "abc"}, {"clearCache": "clear", "commitId": "abc"}),
    ],
)
def test_a_deploy_is_told_what_the_program_says(
    properties: dict[str, Any], body: dict[str, Any], stack: Engine, render: Server
) -> None:
    wanted = program(stack, **properties)
    render.requests.clear()

    stack.up(wanted)

    [sent] = [one.body for one in render.changes()]
    assert (sent or {}) == body
