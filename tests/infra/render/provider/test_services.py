"""What services need beyond the life of every type: the first deploy, later deploys, suspension, scaling, disks."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import DOCKER, IMAGE, REPO
from tests.standins.render.deploys import begin, log
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.standins.render.state import Service
from tests.support.pulumi_engine import Engine, Secret, StepFailed
from tests.support.render import FakeTime

Program = dict[str, tuple[str, dict[str, Any]]]
WEB = "render:index:WebService"


def web(**more: Any) -> Program:
    """Return a program with one web service."""
    return {"web": (WEB, {"name": "web", **DOCKER, **more})}


def only(render: Server) -> Service:
    """Return the one service there is."""
    [service] = render.state.services.values()
    return service


def calls(render: Server) -> list[str]:
    """Return the calls that change something, without the service's id."""
    return [f"{one.method} {one.path.replace(only(render).id, 'ID')}" for one in render.changes()]


# The first deploy -------------------------------------------------------------------------------


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


def test_the_stages_of_a_deploy_are_shown(stack: Engine, render: Server) -> None:
    stack.up(web(preDeployCommand="./migrate"))

    stages = [one.split(" ", 2)[2] for one in stack.log.status]
    assert stages == ["builds", "runs the pre-deploy command", "starts the new instances", "is live"]


@pytest.mark.parametrize("outcome", ["build_failed", "pre_deploy_failed", "update_failed"])
def test_a_failed_first_deploy_keeps_the_service_and_the_next_update_deploys_again(
    outcome: str, stack: Engine, render: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.standins.render.deploys.begin", failing(render, outcome))
    monkeypatch.setattr("tests.standins.render.services.deploys.begin", failing(render, outcome))
    program = web(preDeployCommand="./migrate", envVars={"KEY": Secret("a secret value")})

    with pytest.raises(StepFailed, match=outcome):
        stack.up(program)

    id_ = stack.resources["web"].id
    assert id_ == only(render).id
    assert "the last words before the end" in stack.log.text
    assert "a secret value" not in stack.log.text
    stack.preview(program)
    assert stack.steps == [("update", "web")]
    stack.refresh()
    stack.preview(program)
    assert stack.steps == [("update", "web")], "a refresh does not forget that the deploy is missing"
    monkeypatch.undo()
    stack.up(program)
    assert stack.steps == [("update", "web")]
    assert stack.resources["web"].id == id_
    assert only(render).deploys[-1]["status"] == "live"
    stack.up(program)
    assert stack.steps == [("same", "web")]


def failing(render: Server, outcome: str) -> Any:
    """Return what begins a deploy and lets it end badly, with a secret in its log."""

    def begin_badly(state: Any, service: Service, trigger: str, **more: Any) -> Any:
        if not service.outcomes:
            service.outcomes.append(outcome)
        kind = "build" if outcome == "build_failed" else "app"
        log(state, service, kind, "the last words before the end, with a secret value")
        return begin(state, service, trigger, **more)

    return begin_badly


def test_a_deploy_that_was_live_in_the_meantime_needs_no_other(stack: Engine, render: Server) -> None:
    render.faults.add(Fault("fail", "GET", "/services/[^/]+/deploys/[^/]+", times=100, status=500))
    with pytest.raises(StepFailed):
        stack.up(web())
    render.faults.heal()
    render.requests.clear()

    stack.up(web())

    assert calls(render) == []
    assert len(only(render).deploys) == 1
    stack.up(web())
    assert stack.steps == [("same", "web")]


def test_a_deploy_that_takes_too_long_is_waited_for_again(stack: Engine, render: Server, fake_time: FakeTime) -> None:
    render.state.stage_s = 100

    with pytest.raises(StepFailed, match="not live after 60 s"):
        stack.up(web(deployTimeoutSeconds=60))
    stack.up(web(deployTimeoutSeconds=600))

    assert len(only(render).deploys) == 1
    assert only(render).deploys[0]["status"] == "live"


def test_an_update_need_not_wait(stack: Engine, render: Server) -> None:
    render.state.stage_s = 100_000

    stack.up(web(waitForDeploy=False))

    assert only(render).deploys[0]["status"] == "build_in_progress"


# Later deploys ----------------------------------------------------------------------------------


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


def test_all_changed_properties_go_in_one_call_and_unchanged_ones_stay_at_home(stack: Engine, render: Server) -> None:
    stack.up(web(branch="main", dockerCommand="./run", maxShutdownDelaySeconds=30))
    render.requests.clear()

    stack.up(web(branch="next", dockerCommand="./run", maxShutdownDelaySeconds=60, healthCheckPath="/health"))

    [patch] = [one.body for one in render.changes() if one.method == "PATCH"]
    assert patch == {
        "branch": "next",
        "serviceDetails": {"maxShutdownDelaySeconds": 60, "healthCheckPath": "/health"},
    }


def test_one_variable_goes_alone_and_several_go_together(stack: Engine, render: Server) -> None:
    stack.up(web(envVars={"A": "1", "B": "2"}))
    render.requests.clear()
    stack.up(web(envVars={"A": "1", "B": "3"}, deployMode="save"))
    assert calls(render) == ["PUT /services/ID/env-vars/B"]
    render.requests.clear()

    stack.up(web(envVars={"A": "4", "C": "5"}, deployMode="save"))

    assert calls(render) == ["PUT /services/ID/env-vars"]


def test_a_change_of_a_group_deploys_the_services_that_follow_its_revision(stack: Engine, render: Server) -> None:
    def program(value: str) -> Program:
        group: Program = {"group": ("render:index:EnvGroup", {"name": "group", "envVars": {"A": value}})}
        if "group" not in stack.resources:
            stack.up(group)
        foreseen = stack.preview(group)["group"]["revision"]
        return group | web(envGroupIds=[stack.resources["group"].id], redeployOn={"group": foreseen})

    stack.up(program("1"))
    render.requests.clear()
    stack.up(program("2"))

    assert stack.steps == [("update", "group"), ("update", "web")]
    assert "POST /services/ID/deploys" in calls(render)


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


# What a program does not name ---------------------------------------------------------------------


def test_what_the_program_does_not_name_is_left_alone(stack: Engine, render: Server, api: RenderApi) -> None:
    stack.up(web())
    id_ = only(render).id
    api.services.update(id_, {"serviceDetails": {"healthCheckPath": "/by-hand"}})
    api.variables.set(id_, "BY_HAND", "1")
    api.services.scale(id_, 3)
    only(render).details["somethingNew"] = {"on": True}

    stack.refresh()
    assert stack.steps == [("same", "web")]
    stack.up(web(plan="standard"))

    assert only(render).details["healthCheckPath"] == "/by-hand"
    assert only(render).details["numInstances"] == 3
    assert api.variables.all(id_) == {"BY_HAND": "1"}


def test_a_scale_that_autoscaling_chose_is_no_difference(stack: Engine, render: Server) -> None:
    program = web(numInstances=1, autoscaling={"min": 1, "max": 3, "cpuPercent": 60})
    stack.up(program)
    only(render).details["numInstances"] = 3

    stack.refresh()
    assert stack.steps == [("same", "web")]
    render.requests.clear()
    stack.up(web(numInstances=2, autoscaling={"min": 1, "max": 3, "cpuPercent": 60}))
    assert calls(render) == [], "Render takes no notice of the number while autoscaling is on"


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("example/app:1.2", "docker.io/example/app:1.2"),
        ("ghcr.io/example/app:1.2", "ghcr.io/example/app:1.2@sha256:0123"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
    ],
)
def test_an_image_is_the_same_however_it_is_written_and_whatever_digest_was_deployed(
    named: str, there: str, stack: Engine, render: Server
) -> None:
    stack.up({"web": (WEB, {"name": "web", **IMAGE, "image": {"imagePath": named}})})
    only(render).shown["imagePath"] = there

    stack.refresh()
    assert stack.steps == [("same", "web")]


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


def test_removing_a_disk_says_what_is_lost(stack: Engine, render: Server) -> None:
    stack.up(web(disk={"name": "data", "mountPath": "/data", "sizeGB": 1}))

    stack.preview(web())
    assert ("WARNING", "The disk 'data' is deleted, with everything on it.") in stack.log.lines
    stack.up(web())

    assert render.state.disks == {}


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


NATIVE = {
    "runtime": "python",
    "repo": REPO,
    "buildCommand": "pip install .",
    "startCommand": "python -m app",
    "plan": "starter",
}


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


# Variables --------------------------------------------------------------------------------------


def test_a_value_that_render_makes_is_an_output_and_stays_when_others_change(
    stack: Engine, render: Server, api: RenderApi
) -> None:
    generate = {"generateValue": True}
    stack.up(web(envVars={"MADE": generate, "A": "1", "B": "1"}))
    made = stack.resources["web"].values["generated"]["MADE"]
    assert made == api.variables.all(only(render).id)["MADE"]

    stack.up(web(envVars={"MADE": generate, "A": "2", "B": "2"}))

    assert api.variables.all(only(render).id) == {"MADE": made, "A": "2", "B": "2"}
    assert stack.resources["web"].values["generated"] == {"MADE": made}


def test_a_write_only_value_is_sent_and_a_changed_one_is_noticed(stack: Engine, render: Server, api: RenderApi) -> None:
    def program(value: str) -> Program:
        return web(envVars={"KEY": {"value": value, "writeOnly": True}, "A": "1"})

    stack.up(program("first value"))
    assert api.variables.all(only(render).id)["KEY"] == "first value"
    stack.up(program("first value"))
    assert stack.steps == [("same", "web")]
    api.variables.set(only(render).id, "KEY", "by hand")
    stack.refresh()
    assert stack.steps == [("drift", "web")]

    stack.up(program("second value"))
    assert api.variables.all(only(render).id)["KEY"] == "second value"
    assert "second value" not in str(stack.resources["web"].values)


def test_a_write_only_value_survives_the_change_of_another(stack: Engine, render: Server, api: RenderApi) -> None:
    kept = {"KEY": {"value": "the value", "writeOnly": True}, "MADE": {"generateValue": True, "writeOnly": True}}
    stack.up(web(envVars={**kept, "A": "1", "B": "1"}))
    made = api.variables.all(only(render).id)["MADE"]

    stack.up(web(envVars={**kept, "A": "2", "B": "2"}))

    assert api.variables.all(only(render).id) == {"KEY": "the value", "MADE": made, "A": "2", "B": "2"}
    assert "MADE" not in stack.resources["web"].values.get("generated", {})


def test_a_value_becomes_write_only_without_being_sent_again(stack: Engine, render: Server) -> None:
    stack.up(web(envVars={"KEY": "the value", "OTHER": {"value": "x", "writeOnly": True}}))
    render.requests.clear()

    stack.up(
        web(envVars={"KEY": {"value": "the value", "writeOnly": True}, "OTHER": {"value": "x", "writeOnly": True}})
    )

    assert [one for one in calls(render) if "env-vars" in one] == []
    assert "the value" not in str(stack.resources["web"].values)


# Names ------------------------------------------------------------------------------------------


def test_a_service_of_the_name_that_someone_else_made_is_not_touched(
    stack: Engine, render: Server, fake_time: FakeTime
) -> None:
    stack.up(web())
    stack.resources.clear()
    fake_time.sleep(2 * 86_400)

    with pytest.raises(StepFailed, match="pulumi import render:index:WebService web srv-"):
        stack.up(web(branch="next"))

    assert only(render).shown["branch"] == "main"


def test_a_service_of_the_name_that_another_stack_just_made_is_not_touched(stack: Engine, render: Server) -> None:
    stack.up(web(envVars={"STAGE": "development"}))
    stack.resources.clear()

    with pytest.raises(StepFailed, match="exists already"):
        stack.up(web(envVars={"STAGE": "production"}))


def test_a_service_of_another_type_of_the_name_is_not_touched(stack: Engine, render: Server) -> None:
    stack.up({"worker": ("render:index:BackgroundWorker", {"name": "web", **DOCKER})})

    with pytest.raises(StepFailed, match="exists already"):
        stack.up(web())


def test_a_service_is_imported_as_what_it_is(stack: Engine, render: Server) -> None:
    stack.up(web())

    with pytest.raises(StepFailed, match="is a web_service, not a background_worker"):
        stack.import_("worker", "render:index:BackgroundWorker", only(render).id)


def test_a_stop_by_the_user_ends_the_wait_and_the_next_update_goes_on(stack: Engine, render: Server) -> None:
    from google.protobuf import empty_pb2

    render.state.stage_s = 100_000
    stack.stub.Cancel(empty_pb2.Empty())

    with pytest.raises(StepFailed, match="was stopped"):
        stack.up(web())

    assert stack.resources["web"].id == only(render).id
