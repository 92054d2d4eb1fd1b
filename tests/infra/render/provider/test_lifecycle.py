"""The life of every type, through the provider's gRPC server: made, changed, drifted, imported, replaced, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.api.client import RenderApi
from infra.render.api.errors import NotFound
from infra.render.provider.catalogue import TYPES
from tests.infra.render.provider.cases import CASES, Case, dig, filled
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed

by_type = pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
_FOLDERS = {
    "WebService": "services",
    "PrivateService": "services",
    "BackgroundWorker": "services",
    "CronJob": "services",
    "StaticSite": "services",
    "Postgres": "postgres",
    "KeyValue": "key-value",
    "EnvGroup": "env-groups",
    "Disk": "disks",
    "Project": "projects",
    "Environment": "environments",
    "RegistryCredential": "registrycredentials",
    "Webhook": "webhooks",
}

Program = dict[str, tuple[str, dict[str, Any]]]


def program(case: Case, stack: Engine, properties: dict[str, Any] | None = None) -> Program:
    """Return a program with the case's resource, `it`, after what it needs, which is made first."""
    if any(name not in stack.resources for name in case.needs):
        stack.up(dict(case.needs))
    return case.needs | {"it": (case.token, filled(case.least | (properties or {}), stack))}


def path_of(case: Case, id_: str) -> str:
    """Return where the API has the resource."""
    first, _, second = id_.partition("/")
    match case.type:
        case "CustomDomain":
            return f"/services/{first}/custom-domains/{second}"
        case "Deploy":
            return f"/services/{first}/deploys/{second}"
        case "LogStream":
            return f"/logs/streams/{id_}"
    return f"/{_FOLDERS[case.type]}/{id_}"


@by_type
def test_it_is_made_and_an_unchanged_program_changes_nothing(case: Case, stack: Engine, render: Server) -> None:
    wanted = program(case, stack)
    stack.up(wanted)
    render.requests.clear()

    stack.preview(wanted)
    assert stack.steps[-1] == ("same", "it")
    stack.up(wanted)
    assert stack.steps[-1] == ("same", "it")
    assert render.requests == [], "what did not change needs no call"


@by_type
def test_a_refresh_of_what_nothing_touched_finds_no_difference(case: Case, stack: Engine) -> None:
    wanted = program(case, stack)
    stack.up(wanted)

    stack.refresh()
    assert {step for step, _ in stack.steps} == {"same"}
    stack.up(wanted)
    assert {step for step, _ in stack.steps} == {"same"}


CHANGES = [(case, name) for case in CASES for name in case.others]


@pytest.mark.parametrize(("case", "name"), CHANGES, ids=[f"{case.type}-{name}" for case, name in CHANGES])
def test_each_property_is_changed_in_place(
    case: Case, name: str, stack: Engine, render: Server, api: RenderApi
) -> None:
    other = case.others[name]
    before = {} if other.before is None else {name: other.before}
    stack.up(program(case, stack, before))
    id_ = stack.resources["it"].id
    wanted = program(case, stack, {name: other.value})

    stack.preview(wanted)
    assert stack.steps[-1] == ("update", "it")
    stack.up(wanted)
    assert stack.steps[-1] == ("update", "it")
    assert stack.resources["it"].id == id_
    if other.path:
        answer = api.get(path_of(case, id_))
        assert dig(answer, other.path) == filled(other.there, stack)
    stack.refresh()
    assert ("same", "it") in stack.steps, "Render has what the program says"
    stack.up(wanted)
    assert stack.steps[-1] == ("same", "it")
    assert render.undocumented == []


@pytest.mark.parametrize(("case", "name"), CHANGES, ids=[f"{case.type}-{name}" for case, name in CHANGES])
def test_each_property_is_there_from_the_beginning(
    case: Case, name: str, stack: Engine, render: Server, api: RenderApi
) -> None:
    other = case.others[name]
    wanted = program(case, stack)
    wanted = program(case, stack, {name: other.value})

    stack.up(wanted)
    if other.path:
        assert dig(api.get(path_of(case, stack.resources["it"].id)), other.path) == filled(other.there, stack)
    stack.refresh()
    assert ("same", "it") in stack.steps
    assert render.undocumented == []


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.drift], ids=[case.type for case in CASES if case.drift]
)
def test_a_change_by_hand_is_found_by_a_refresh_and_undone_by_an_update(
    case: Case, stack: Engine, render: Server
) -> None:
    least = {case.drifted: case.others[case.drifted].value} if case.drifted not in case.least else {}
    wanted = program(case, stack, least)
    stack.up(wanted)
    target = stack.resources["it"].id
    assert case.drift
    case.drift(render, target)

    stack.refresh()
    assert ("drift", "it") in stack.steps
    stack.up(wanted)
    assert stack.steps[-1] == ("update", "it")
    stack.refresh()
    assert ("same", "it") in stack.steps


@by_type
def test_what_was_deleted_by_hand_is_made_again(case: Case, stack: Engine, api: RenderApi) -> None:
    wanted = program(case, stack)
    stack.up(wanted)
    if case.type == "Deploy":
        api.delete(f"/services/{stack.resources['web'].id}")
    else:
        api.delete(path_of(case, stack.resources["it"].id))

    stack.refresh()
    assert ("gone", "it") in stack.steps
    if case.type != "Deploy":
        stack.up(wanted)
        assert stack.steps[-1] == ("create", "it")


@by_type
def test_it_is_imported_and_then_managed(case: Case, stack: Engine, render: Server) -> None:
    wanted = program(case, stack)
    stack.up(wanted)
    held = stack.resources.pop("it")

    stack.import_("it", case.token, held.id)
    if case.type != "Deploy":  # what a deploy was started for, no answer tells
        stack.preview(wanted)
        # A secret that no answer tells is sent anew.
        unread = any(one.returned is None and one.name in case.least for one in TYPES[case.token].fields)
        secret = case.type in ("RegistryCredential", "LogStream")
        assert stack.steps[-1] == (("update" if unread and secret else "same"), "it")
    stack.up(wanted) if case.type != "Deploy" else None
    stack.refresh()
    assert ("same", "it") in stack.steps
    stack.delete("it")
    assert "it" not in stack.resources


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.replaced_by], ids=[case.type for case in CASES if case.replaced_by]
)
def test_what_cannot_be_changed_makes_a_new_one_and_the_reason_is_said(
    case: Case, stack: Engine, api: RenderApi
) -> None:
    stack.up(program(case, stack))
    old = stack.resources["it"].id
    wanted = program(case, stack, case.replaced_by)

    stack.preview(wanted)
    assert stack.steps[-1] == ("replace", "it")
    [name] = case.replaced_by
    assert f"A change of {name} makes a new" in stack.log.text
    stack.up(wanted)
    assert ("replace", "it") in stack.steps
    assert stack.resources["it"].id != old or case.type == "LogStream"
    if case.type != "Deploy":
        with pytest.raises(NotFound):
            api.get(path_of(case, old))
    stack.up(wanted)
    assert stack.steps[-1] == ("same", "it")


@by_type
def test_it_is_deleted_and_may_be_gone_before(case: Case, stack: Engine, api: RenderApi, render: Server) -> None:
    stack.up(program(case, stack))
    held = stack.resources["it"]
    stack.delete("it")
    if case.type != "Deploy":
        with pytest.raises(NotFound):
            api.get(path_of(case, held.id))

    stack.resources["it"] = held
    stack.delete("it")
    stack.destroy()
    state = render.state
    left = (state.services, state.stores, state.groups, state.projects, state.disks, state.credentials, state.webhooks)
    assert not any(left)


@by_type
def test_what_there_is_not_cannot_be_imported(case: Case, stack: Engine) -> None:
    """The engine takes an empty answer for a resource without properties."""
    ids = {"CustomDomain": "srv-1/a.example.com", "Deploy": "srv-1/dep-1", "LogStream": "resource/srv-1"}

    with pytest.raises(StepFailed, match=r"There is no .* with the id "):
        stack.import_("it", case.token, ids.get(case.type, "xyz-1"))


@pytest.mark.parametrize("imported", [False, True], ids=["made", "imported"])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.replaced_by.keys() == {"ownerId"}], ids=lambda case: case.type
)
def test_naming_the_workspace_that_a_resource_is_in_changes_nothing(
    case: Case, imported: bool, stack: Engine, render: Server
) -> None:
    stack.up({"it": (case.token, case.least)})
    if imported:
        stack.import_("it", case.token, stack.resources["it"].id)
        stack.up({"it": (case.token, case.least)})

    stack.preview({"it": (case.token, case.least | {"ownerId": render.state.owner})})

    assert stack.steps == [("same", "it")]
