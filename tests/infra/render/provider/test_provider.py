"""The provider as a whole: its settings, its types, what it tells the engine."""

from __future__ import annotations

import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from infra.render.provider.catalogue import TYPES
from tests.infra.render.provider.programs import only, web
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.pulumi_engine import CheckFailed, Engine, Secret, StepFailed, in_clear, to_struct


def test_the_key_of_the_api_is_a_secret_of_the_provider(stack: Engine, render: Server) -> None:

    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:test::test::pulumi:providers:render::p", news=to_struct({"renderApiKey": render.key})
    )
    answer = stack.stub.CheckConfig(request)

    assert render.key not in in_clear(answer.inputs)


def test_a_setting_of_the_provider_that_there_is_not_is_named(stack: Engine) -> None:

    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:test::test::pulumi:providers:render::p", news=to_struct({"apiKey": "x"})
    )

    assert "apiKey is no setting" in stack.stub.CheckConfig(request).failures[0].reason


def test_a_type_that_there_is_not_is_named(stack: Engine) -> None:
    with pytest.raises(StepFailed, match="render:index:WebServer is no type of this provider"):
        stack.up({"it": ("render:index:WebServer", {"name": "x"})})


def test_a_name_may_hold_the_signs_that_part_a_urn(stack: Engine, render: Server) -> None:
    stack.up({"a::b$c": ("render:index:EnvGroup", {"name": "shared"})})

    assert stack.steps == [("create", "a::b$c")]


def test_what_is_no_json_is_a_problem_of_the_program(stack: Engine) -> None:
    files = {"a.txt": PropertyValue(pulumi.FileAsset("a.txt"))}

    with pytest.raises(CheckFailed, match="secretFiles holds a FileAsset, which Render's API does not take"):
        stack.preview({"it": ("render:index:EnvGroup", {"name": "shared", "secretFiles": files})})


def test_a_call_that_is_tried_again_is_told_at_once(stack: Engine, render: Server) -> None:
    render.faults.add(Fault("fail", "GET", "/env-groups", status=503, message="database is down"))

    stack.up({"it": ("render:index:EnvGroup", {"name": "shared"})})

    assert stack.log.status[0] == "waits 1 s: GET /env-groups failed (503 database is down) and is tried again"


def test_an_answer_that_lacks_something_is_told_without_a_traceback(stack: Engine, render: Server) -> None:
    stack.up(web())
    del only(render).shown["type"]

    with pytest.raises(StepFailed) as failure:
        stack.refresh()

    assert str(failure.value).startswith(f"GET /services/{only(render).id}: the answer has no type")


def test_a_mistake_of_the_providers_own_is_told_as_such_and_its_traceback_left_to_who_debugs(
    stack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError("divided a secret value")

    monkeypatch.setattr(TYPES["render:index:EnvGroup"], "create", mistaken)

    with pytest.raises(StepFailed) as failure:
        stack.up({"it": ("render:index:EnvGroup", {"name": "it", "envVars": {"A": Secret("a secret value")}})})

    assert "Something unforeseen went wrong (ZeroDivisionError: divided ***)" in str(failure.value)
    assert [kind for kind, text in stack.log.lines if "Traceback" in text] == ["DEBUG"]
    assert "a secret value" not in stack.log.text
