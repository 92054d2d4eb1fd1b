"""Environment groups, beyond the life of every type."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.programs import Program, calls, web
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine


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


@pytest.mark.parametrize("later", [{"A": "1"}, {"A": "2", "C": "1", "D": "1"}, {}])
def test_what_someone_added_to_a_group_by_hand_is_no_drift_and_stays(
    later: dict[str, str], stack: Engine, api: RenderApi
) -> None:
    wanted = group(envVars={"A": "1", "B": "1"}, secretFiles={"f": "x"})
    stack.up(wanted)
    id_, before = stack.resources["group"].id, stack.resources["group"].values["revision"]
    api.env_groups.set(id_, "HAND", "by hand")
    api.env_groups.set_file(id_, "hand", "by hand")

    stack.refresh()
    assert stack.steps == [("same", "group")]
    assert stack.resources["group"].values["revision"] == before, "no service is deployed because of it"
    stack.up(wanted)
    assert stack.steps == [("same", "group")]
    stack.up(group(envVars=later, secretFiles={}))

    found = api.env_groups.get(id_)
    assert {one["key"]: one["value"] for one in found["envVars"]} == {**later, "HAND": "by hand"}
    assert [one["name"] for one in found["secretFiles"]] == ["hand"]


def test_an_imported_group_keeps_what_the_program_leaves_out(stack: Engine, api: RenderApi) -> None:
    stack.up(group(envVars={"A": "1", "B": "1"}))
    id_ = stack.resources["group"].id
    stack.import_("group", "render:index:EnvGroup", id_)

    stack.up(group(envVars={"A": "2"}))

    assert {one["key"]: one["value"] for one in api.env_groups.get(id_)["envVars"]} == {"A": "2", "B": "1"}


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


def test_a_change_of_a_group_deploys_the_services_that_follow_its_revision(stack: Engine, render: Server) -> None:
    def program(value: str) -> Program:
        group: Program = {"group": ("render:index:EnvGroup", {"name": "group", "envVars": {"A": value}})}
        if "group" not in stack.resources:
            stack.up(group)
        foreseen = stack.preview(group)["group"]["revision"]
        return group | web(envGroupIds=[stack.resources["group"].id], redeployOn={"group": foreseen})

    stack.up(program("1"))
    render.requests.clear()
    stack.up(program("2"))

    assert stack.steps == [("update", "group"), ("update", "web")]
    assert "POST /services/ID/deploys" in calls(render)
