"""Types that need one call each: what is taken over, and what fails half way."""

from __future__ import annotations

import pytest

from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed


def test_a_credential_that_is_taken_over_has_the_programs_token(stack: Engine, render: Server) -> None:
    properties = {"name": "hub", "registry": "DOCKER", "username": "me"}
    stack.up({"it": ("render:index:RegistryCredential", {**properties, "authToken": "first"})})
    stack.resources.clear()
    render.requests.clear()

    stack.up({"it": ("render:index:RegistryCredential", {**properties, "authToken": "second"})})

    [change] = render.changes()
    assert (change.method, change.body["authToken"]) == ("PATCH", "second")


def test_a_change_that_fails_half_way_is_finished_from_what_is_there(stack: Engine, render: Server) -> None:
    """The move into an environment is made, the new name is refused; then the program takes both back."""
    project = {"home": ("render:index:Project", {"name": "home", "environments": {"production": {}}})}
    stack.up(project | {"cache": ("render:index:KeyValue", {"name": "cache", "plan": "starter"})})
    environment = stack.resources["home"].values["environmentIds"]["production"]
    render.faults.add(Fault("fail", "PATCH", "/key-value/.*", status=400, message="no such plan"))
    moved = {"name": "cache", "plan": "huge", "environmentId": environment}

    with pytest.raises(StepFailed, match="no such plan"):
        stack.up(project | {"cache": ("render:index:KeyValue", moved)})
    stack.up(project | {"cache": ("render:index:KeyValue", {"name": "cache", "plan": "standard"})})

    [store] = render.state.stores.values()
    assert store["shown"]["plan"] == "standard"
    stack.refresh()
    assert ("same", "cache") in stack.steps


def test_a_change_that_is_refused_at_once_leaves_the_state_as_it_was(stack: Engine, render: Server) -> None:
    stack.up({"cache": ("render:index:KeyValue", {"name": "cache", "plan": "starter"})})
    render.faults.add(Fault("fail", "PATCH", "/key-value/.*", status=400, message="no such plan"))

    with pytest.raises(StepFailed):
        stack.up({"cache": ("render:index:KeyValue", {"name": "cache", "plan": "huge"})})
    stack.up({"cache": ("render:index:KeyValue", {"name": "cache", "plan": "starter"})})

    assert stack.steps == [("same", "cache")]
