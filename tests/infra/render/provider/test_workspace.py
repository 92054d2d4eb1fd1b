"""Registry credentials and webhooks, beyond the life of every type."""

from __future__ import annotations

import pytest

from tests.standins.render.server import Server
from tests.support.pulumi_engine import CheckFailed, Engine, Secret

CREDENTIAL = {"name": "hub", "registry": "DOCKER", "username": "me"}


def test_a_changed_token_is_noticed_though_the_state_has_none(stack: Engine, render: Server) -> None:
    token = "render:index:RegistryCredential"
    stack.up({"hub": (token, {**CREDENTIAL, "authToken": Secret("first token")})})
    stack.up({"hub": (token, {**CREDENTIAL, "authToken": Secret("first token")})})
    assert stack.steps == [("same", "hub")]
    assert "first token" not in str(stack.resources["hub"].inputs) + str(stack.resources["hub"].outputs)
    render.requests.clear()

    stack.up({"hub": (token, {**CREDENTIAL, "authToken": Secret("second token")})})

    [change] = render.changes()
    assert change.body == {**CREDENTIAL, "authToken": "second token"}, "the API wants all four together"


def test_a_webhook_without_a_filter_tells_of_every_event(stack: Engine, render: Server) -> None:
    stack.up({"hook": ("render:index:Webhook", {"name": "news", "url": "https://example.com/hook"})})

    [created] = [one.body for one in render.changes()]
    assert (created["enabled"], created["eventFilter"]) == (True, [])
    assert stack.resources["hook"].values["secret"].startswith("whsec_")


def test_a_webhook_in_clear_is_refused(stack: Engine) -> None:
    with pytest.raises(CheckFailed, match="begins with https://"):
        stack.preview({"hook": ("render:index:Webhook", {"name": "news", "url": "http://example.com/hook"})})
