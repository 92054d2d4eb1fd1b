"""A change of a service takes the fewest calls, in the order in which Render takes them."""

from __future__ import annotations

import pytest

from tests.infra.render.provider.cases import IMAGE, REPO
from tests.infra.render.provider.programs import NATIVE, WEB, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine


def test_all_changed_properties_go_in_one_call_and_unchanged_ones_stay_at_home(stack: Engine, render: Server) -> None:
    stack.up(web(branch="main", dockerCommand="./run", maxShutdownDelaySeconds=30))
    render.requests.clear()

    stack.up(web(branch="next", dockerCommand="./run", maxShutdownDelaySeconds=60, healthCheckPath="/health"))

    [patch] = [one.body for one in render.changes() if one.method == "PATCH"]
    assert patch == {
        "branch": "next",
        "serviceDetails": {"maxShutdownDelaySeconds": 60, "healthCheckPath": "/health"},
    }


def test_a_property_that_leaves_the_program_returns_to_what_render_takes_without_it(
    stack: Engine, render: Server
) -> None:
    stack.up(web(healthCheckPath="/health", autoscaling={"min": 1, "max": 2, "cpuPercent": 50}, envVars={"A": "1"}))

    stack.up(web())

    assert only(render).details["healthCheckPath"] == ""
    assert "autoscaling" not in only(render).details
    assert only(render).variables == []
    stack.up(web())
    assert stack.steps == [("same", "web")]


def test_a_disk_comes_after_the_scale_that_it_needs(stack: Engine, render: Server) -> None:
    stack.up(web(numInstances=2))

    stack.up(web(numInstances=1, disk={"name": "data", "mountPath": "/data", "sizeGB": 1}))

    assert len(render.state.disks) == 1
    assert only(render).details["numInstances"] == 1


def test_a_disk_makes_room_for_scaling(stack: Engine, render: Server) -> None:
    stack.up(web(disk={"name": "data", "mountPath": "/data", "sizeGB": 1}))

    stack.up(web(autoscaling={"min": 1, "max": 2, "memoryPercent": 50}))

    assert render.state.disks == {}
    assert only(render).details["autoscaling"]["enabled"]


def test_another_runtime_says_all_that_belongs_to_it(stack: Engine, render: Server) -> None:
    stack.up(web(branch="main"))
    id_ = only(render).id

    stack.up({"web": (WEB, {"name": "web", **IMAGE})})
    assert only(render).shown["imagePath"] == "docker.io/library/nginx:1.27"
    assert "repo" not in only(render).shown
    stack.refresh()
    assert stack.steps == [("same", "web")]
    native = {"runtime": "python", "repo": REPO, "buildCommand": "make", "startCommand": "run", "plan": "starter"}
    stack.up({"web": (WEB, {"name": "web", **native})})

    assert only(render).id == id_
    assert only(render).details["envSpecificDetails"] == {"buildCommand": "make", "startCommand": "run"}
    stack.refresh()
    assert stack.steps == [("same", "web")]


@pytest.mark.parametrize(
    ("name", "value", "mode"),
    [("buildCommand", "make", "build_and_deploy"), ("startCommand", "./run", "deploy_only")],
)
def test_a_command_of_a_native_runtime_is_changed_alone(
    name: str, value: str, mode: str, stack: Engine, render: Server
) -> None:
    stack.up({"web": (WEB, {"name": "web", **NATIVE})})
    render.requests.clear()

    stack.up({"web": (WEB, {"name": "web", **NATIVE, name: value})})

    bodies = [one.body for one in render.changes()]
    assert bodies == [{"serviceDetails": {"envSpecificDetails": {name: value}}}, {"deployMode": mode}]
