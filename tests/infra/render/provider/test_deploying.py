"""Waiting for a deploy: its stages, its failures, its end."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from google.protobuf import empty_pb2

from tests.infra.render.provider.programs import calls, only, web
from tests.standins.render.deploys import begin, log
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.standins.render.state import Service
from tests.support.pulumi_engine import Engine, Secret, StepFailed, engine
from tests.support.render import FakeTime


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


def test_a_stop_by_the_user_ends_the_wait_and_the_next_update_goes_on(stack: Engine, render: Server) -> None:
    render.state.stage_s = 100_000
    stack.stub.Cancel(empty_pb2.Empty())

    with pytest.raises(StepFailed, match="was stopped"):
        stack.up(web())

    assert stack.resources["web"].id == only(render).id


def test_the_log_of_a_failed_deploy_shows_no_secret_of_another_resource(
    stack: Engine, render: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service prints what it was given, and that may come from its group or its database."""
    group = ("render:index:EnvGroup", {"name": "g", "envVars": {"T": "a group token", "W": sealed("write-only-7")}})
    store = ("render:index:Postgres", {"name": "db", "plan": "basic_256mb", "version": "17"})
    stack.up({"group": group, "db": store})
    password = stack.resources["db"].values["password"]

    def begin_badly(state: Any, service: Service, trigger: str, **more: Any) -> Any:
        service.outcomes.append("update_failed")
        log(state, service, "app", f"cannot start with 'a group token', write-only-7 and {password}")
        return begin(state, service, trigger, **more)

    monkeypatch.setattr("tests.standins.render.services.deploys.begin", begin_badly)

    with pytest.raises(StepFailed, match="update_failed"):
        stack.up({"group": group, "db": store, **web()})

    assert "cannot start with '***', *** and ***" in stack.log.text


def sealed(value: str) -> dict[str, Any]:
    """Return a write-only value."""
    return {"value": value, "writeOnly": True}


def test_a_stop_by_the_user_ends_a_wait_for_render_too(render: Server) -> None:
    """Here time is the real one: a client that only woke up would call again and again."""
    render.faults.add(Fault("throttle", headers={"Retry-After": "600"}, times=100))
    config = {"renderApiKey": render.key, "renderApiUrl": render.url, "owner": render.state.owner}

    with engine(config) as stack:
        threading.Timer(0.3, lambda: stack.stub.Cancel(empty_pb2.Empty())).start()
        with pytest.raises(StepFailed, match="was stopped"):
            stack.up({"group": ("render:index:EnvGroup", {"name": "shared"})})

    assert len(render.requests) == 1
