"""What services need beyond the life of every type: the first deploy, later deploys, suspension, scaling, disks."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.programs import calls, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine


def test_groups_disks_and_variables_are_there_before_the_first_deploy_that_runs(stack: Engine, render: Server) -> None:
    group = {"group": ("render:index:EnvGroup", {"name": "group", "envVars": {"A": "1"}})}
    stack.up(group)
    render.requests.clear()
    disk = {"name": "data", "mountPath": "/data", "sizeGB": 1}

    stack.up(group | web(envGroupIds=[stack.resources["group"].id], envVars={"B": "2"}, disk=disk))

    first, second = only(render).deploys
    assert first["status"] == "canceled", "it began with the service, before the group could be linked"
    assert second["status"] == "live"
    group_id = stack.resources["group"].id
    assert calls(render) == [
        "POST /services",
        f"POST /services/ID/deploys/{first['id']}/cancel",
        f"POST /env-groups/{group_id}/services/ID",
        "POST /services/ID/deploys",
    ]
    [created] = [one for one in render.requests if (one.method, one.path) == ("POST", "/services")]
    assert created.body["envVars"] == [{"key": "B", "value": "2"}]
    assert created.body["serviceDetails"]["disk"] == disk


def test_without_groups_the_first_deploy_is_left_alone(stack: Engine, render: Server) -> None:
    stack.up(web(envVars={"B": "2"}))

    assert calls(render) == ["POST /services"]
    assert stack.resources["web"].values["deployId"] == only(render).deploys[0]["id"]


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        ({"dockerCommand": "./run"}, "deploy_only"),
        ({"envVars": {"A": "1"}}, "deploy_only"),
        ({"plan": "standard"}, "deploy_only"),
        ({"redeployOn": {"group": "2"}}, "deploy_only"),
        ({"branch": "next"}, "build_and_deploy"),
        ({"dockerfilePath": "app/Dockerfile"}, "build_and_deploy"),
        ({"branch": "next", "dockerCommand": "./run"}, "build_and_deploy"),
        ({"name": "renamed"}, None),
        ({"previewGeneration": "manual"}, None),
        ({"maintenanceMode": {"enabled": True}}, None),
        ({"numInstances": 2}, None),
        ({"notifications": {"notificationsToSend": "all"}}, None),
        ({"preDeployCommand": "./migrate"}, None),
        ({"dockerCommand": "./run", "deployMode": "rebuild"}, "build_and_deploy"),
        ({"branch": "next", "deployMode": "deploy"}, "deploy_only"),
        ({"branch": "next", "deployMode": "save"}, None),
        ({"deployMode": "rebuild"}, None),
    ],
    ids=str,
)
def test_a_change_is_deployed_as_it_needs(
    change: dict[str, Any], mode: str | None, stack: Engine, render: Server
) -> None:
    stack.up(web())
    render.requests.clear()

    stack.up(web(**change))

    started = [one.body for one in render.changes() if one.path.endswith("/deploys")]
    assert started == ([] if mode is None else [{"deployMode": mode}])


def test_a_suspended_service_is_changed_without_starting(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(web())
    api.services.suspend(only(render).id)
    render.requests.clear()

    stack.up(web(branch="next", envVars={"A": "1"}))

    assert "POST /services/ID/deploys" not in calls(render)
    assert only(render).shown["suspended"] == "suspended"
    assert "resuming it deploys it" in stack.log.text
    stack.refresh()
    assert stack.steps == [("same", "web")]


def test_removing_a_disk_says_what_is_lost(stack: Engine, render: Server) -> None:
    stack.up(web(disk={"name": "data", "mountPath": "/data", "sizeGB": 1}))

    stack.preview(web())
    assert ("WARNING", "The disk 'data' is deleted, with everything on it.") in stack.log.lines
    stack.up(web())

    assert render.state.disks == {}
