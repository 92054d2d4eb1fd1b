"""What is there already under a name: ours from an interrupted update, or not ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.render.provider.cases import CASES, DOCKER, Case, filled
from tests.infra.render.provider.programs import counts, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed, engine
from tests.support.render import FakeTime


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


def test_a_resource_that_got_another_name_in_the_program_is_kept(render: Server, stack: Engine) -> None:
    """Its service is found by name, taken over, and not deleted under its old name."""
    properties = {"name": "web", "runtime": "image", "image": {"imagePath": "nginx"}}
    stack.up({"old": ("render:index:WebService", properties)})
    id_ = stack.resources["old"].id

    stack.up({"new": ("render:index:WebService", properties)})

    assert stack.resources["new"].id == id_
    assert list(render.state.services) == [id_]


@pytest.mark.parametrize(
    ("type_", "first", "second"),
    [
        ("Postgres", {"plan": "basic_256mb", "version": "17"}, {"plan": "pro_4gb", "version": "17"}),
        ("EnvGroup", {"envVars": {"A": "1"}}, {"envVars": {"A": "2"}}),
        ("EnvGroup", {"envVars": {"A": "1", "MORE": "1"}}, {"envVars": {"A": "1"}}),
        ("Project", {"environments": {"production": {}}}, {"environments": {"development": {}}}),
        ("Webhook", {"url": "https://example.com/a"}, {"url": "https://example.com/b"}),
    ],
)
def test_what_another_stack_has_under_the_name_is_not_taken_over(
    type_: str, first: dict[str, Any], second: dict[str, Any], stack: Engine, render: Server
) -> None:
    token = f"render:index:{type_}"
    stack.up({"it": (token, {"name": "same", **first})})
    stack.resources.clear()
    before = counts(render)

    with pytest.raises(StepFailed, match=f"pulumi import {token} it "):
        stack.up({"it": (token, {"name": "same", **second})})

    assert counts(render) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_a_replacement_that_the_user_asks_for_never_deletes_what_it_took_for_the_new_one(
    case: Case, stack: Engine, render: Server, fake_time: FakeTime
) -> None:
    """The engine tells nothing of the old one, so it looks like what an interrupted update made."""
    stack.up(dict(case.needs))
    program = case.needs | {"it": (case.token, filled(case.least, stack))}
    stack.up(program)
    before, deploys = counts(render), case.type == "Deploy"
    config = {"renderApiKey": render.key, "renderApiUrl": render.url, "owner": render.state.owner}

    with engine(config, fake_time.clock) as second:
        second.resources = stack.resources
        second.replace("it", program["it"][1])
        assert deploys or "is kept" in second.log.text
        assert deploys or "delete_before_replace" in second.log.text
        second.refresh()
        second.up(program)
        assert {step for step, _ in second.steps} == {"same"}
    assert counts(render) == before


def test_a_log_stream_that_sends_elsewhere_is_not_touched(stack: Engine, render: Server) -> None:
    stream = {"endpoint": "logs.example.com:514", "preview": "send"}
    stack.up({"it": ("render:index:LogStream", stream)})
    stack.resources.clear()

    stack.up({"it": ("render:index:LogStream", stream)})
    stack.resources.clear()
    with pytest.raises(StepFailed, match=r"sends to 'logs\.example.*pulumi import render:index:LogStream it o"):
        stack.up({"it": ("render:index:LogStream", stream | {"endpoint": "other.example.com:514"})})
