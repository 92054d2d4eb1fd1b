"""Variables and secret files of a service: the fewest calls, and nothing of a value is lost."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import IMAGE
from tests.infra.render.provider.programs import Program, calls, only, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine


def test_two_variables_go_one_by_one_and_more_go_together(stack: Engine, render: Server) -> None:
    stack.up(web(envVars={"A": "1", "B": "2", "C": "3"}))
    render.requests.clear()
    stack.up(web(envVars={"A": "1", "B": "4"}, deployMode="save"))
    assert calls(render) == ["DELETE /services/ID/env-vars/C", "PUT /services/ID/env-vars/B"]
    render.requests.clear()

    stack.up(web(envVars={"A": "5", "D": "6"}, deployMode="save"))

    assert calls(render) == ["PUT /services/ID/env-vars"]
    assert len([one for one in render.requests if "env-vars" in one.path]) == 2, "the list is read, and replaced"


@pytest.mark.parametrize(
    "later", [{"A": "2"}, {"A": "1"}, {"A": "2", "C": "1", "D": "1"}, {}], ids=["changed", "dropped", "many", "all"]
)
@pytest.mark.parametrize("where", ["envVars", "secretFiles"])
def test_what_someone_added_by_hand_stays_in_every_update(
    where: str, later: dict[str, str], stack: Engine, render: Server, api: RenderApi
) -> None:
    part = api.variables if where == "envVars" else api.secret_files
    stack.up(web(**{where: {"A": "1", "B": "1"}}))
    part.set(only(render).id, "HAND", "by hand")

    stack.up(web(**{where: later}, deployMode="save"))

    assert part.all(only(render).id) == {**later, "HAND": "by hand"}


def test_a_whole_list_keeps_what_someone_changed_by_hand_and_the_program_did_not(
    stack: Engine, render: Server, api: RenderApi
) -> None:
    """As single calls do: only a refresh finds it."""
    stack.up(web(envVars={"A": "1", "B": "1", "C": "1", "D": "1"}))
    api.variables.set(only(render).id, "D", "by hand")

    stack.up(web(envVars={"A": "2", "B": "2", "C": "2", "D": "1"}, deployMode="save"))

    assert api.variables.all(only(render).id) == {"A": "2", "B": "2", "C": "2", "D": "by hand"}


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
