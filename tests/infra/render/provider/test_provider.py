"""The provider as a whole: its settings, its types, what it tells the engine."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed, in_clear, to_struct


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
