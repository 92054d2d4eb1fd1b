"""Environment groups, projects, disks and domains, beyond the life of every type."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import IMAGE
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed

WEB = {"web": ("render:index:WebService", {"name": "web", **IMAGE})}


def group(**more: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a program with one group."""
    return {"group": ("render:index:EnvGroup", {"name": "group", **more})}


def test_a_groups_variables_are_changed_one_by_one_and_only_those_that_changed(stack: Engine, render: Server) -> None:
    stack.up(group(envVars={"A": "1", "B": "2", "GONE": "3"}, secretFiles={"f": "x"}))
    render.requests.clear()
    id_ = stack.resources["group"].id

    stack.up(group(envVars={"A": "1", "B": "3", "NEW": "4"}, secretFiles={"f": "x"}))

    assert [f"{one.method} {one.path.removeprefix(f'/env-groups/{id_}')}" for one in render.changes()] == [
        "DELETE /env-vars/GONE",
        "PUT /env-vars/B",
        "PUT /env-vars/NEW",
    ]


def test_a_revision_follows_the_values_and_not_how_they_are_kept(stack: Engine) -> None:
    def revision() -> str:
        return str(stack.resources["group"].values["revision"])

    stack.up(group(envVars={"A": "1", "B": "2"}))
    first = revision()
    stack.up(group(envVars={"A": {"value": "1", "writeOnly": True}, "B": "2"}, name="renamed"))
    assert revision() == first
    stack.up(group(envVars={"A": "2", "B": "2"}))
    assert revision() != first


def test_what_render_generates_for_a_group_stays(stack: Engine, render: Server) -> None:
    stack.up(group(envVars={"MADE": {"generateValue": True}, "A": "1"}))
    made = stack.resources["group"].values["generated"]["MADE"]

    stack.up(group(envVars={"MADE": {"generateValue": True}, "A": "2"}))

    assert stack.resources["group"].values["generated"] == {"MADE": made}


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
    two = {"production": {}, "old": {}}
    stack.up({"home": ("render:index:Project", {"name": "home", "environments": two})})
    old = stack.resources["home"].values["environmentIds"]["old"]
    home = {"home": ("render:index:Project", {"name": "home", "environments": two})}
    stack.up(home | {"web": ("render:index:WebService", {"name": "web", **IMAGE, "environmentId": old})})

    with pytest.raises(StepFailed, match="not empty"):
        stack.up({"home": ("render:index:Project", {"name": "home", "environments": {"production": {}}})})


@pytest.mark.parametrize("suspended", [False, True])
def test_a_disk_of_its_own_deploys_its_service_unless_that_is_suspended(
    suspended: bool, stack: Engine, render: Server, api: RenderApi
) -> None:
    stack.up(WEB)
    [service] = render.state.services.values()
    if suspended:
        api.services.suspend(service.id)

    disk = {"serviceId": service.id, "name": "data", "mountPath": "/data", "sizeGB": 1}
    stack.up(WEB | {"disk": ("render:index:Disk", disk)})

    assert len(service.deploys) == (1 if suspended else 2)
    assert len(render.state.disks) == 1


def test_an_apex_brings_its_www_which_is_no_affair_of_the_program(stack: Engine, render: Server) -> None:
    stack.up(WEB)
    domain = {"serviceId": stack.resources["web"].id, "name": "example.com"}
    program = WEB | {"domain": ("render:index:CustomDomain", domain)}

    stack.up(program)
    stack.refresh()

    [service] = render.state.services.values()
    assert sorted(one["name"] for one in service.domains) == ["example.com", "www.example.com"]
    assert ("same", "domain") in stack.steps


def test_a_variable_whose_value_the_program_left_to_the_state_is_sent_back_as_it_is(
    stack: Engine, render: Server, api: RenderApi
) -> None:
    """As ignoreChanges does: what comes in is what the state has, a fingerprint without a value."""
    kept = {"KEY": {"value": "the value", "writeOnly": True}, "A": "1", "B": "1"}
    stack.up({"web": ("render:index:WebService", {"name": "web", **IMAGE, "envVars": kept})})
    held = stack.resources["web"].values["envVars"]["KEY"]

    left = {"KEY": held, "A": "2", "B": "2"}
    stack.up({"web": ("render:index:WebService", {"name": "web", **IMAGE, "envVars": left})})

    [service] = render.state.services.values()
    assert api.variables.all(service.id) == {"KEY": "the value", "A": "2", "B": "2"}
