"""What is there already under a name: ours from an interrupted update, or not ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.render.provider.cases import DOCKER
from tests.infra.render.provider.programs import counts, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed
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
