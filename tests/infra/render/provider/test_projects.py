"""Projects and their environments, beyond the life of every type."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import IMAGE
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed


def test_environments_that_a_program_does_not_name_are_left_alone(
    stack: Engine, render: Server, api: RenderApi
) -> None:
    project = {"home": ("render:index:Project", {"name": "home", "environments": {"production": {}}})}
    stack.up(project)
    api.environments.create({"name": "by-hand", "projectId": stack.resources["home"].id})

    stack.refresh()
    assert stack.steps == [("same", "home")]
    stack.import_("home", "render:index:Project", stack.resources["home"].id)
    stack.up(project)

    assert stack.steps == [("same", "home")]
    assert sorted(one["name"] for one in render.state.environments.values()) == ["by-hand", "production"]


def test_an_environment_that_still_holds_something_is_not_deleted(stack: Engine, render: Server) -> None:
    two: dict[str, dict[str, Any]] = {"production": {}, "old": {}}
    stack.up({"home": ("render:index:Project", {"name": "home", "environments": two})})
    old = stack.resources["home"].values["environmentIds"]["old"]
    home = {"home": ("render:index:Project", {"name": "home", "environments": two})}
    stack.up(home | {"web": ("render:index:WebService", {"name": "web", **IMAGE, "environmentId": old})})

    with pytest.raises(StepFailed, match="not empty"):
        stack.up({"home": ("render:index:Project", {"name": "home", "environments": {"production": {}}})})
