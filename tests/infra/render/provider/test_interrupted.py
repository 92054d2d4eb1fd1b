"""Whatever call is cut, the next update goes on: no duplicate, no orphan, nothing lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.provider.cases import CASES, Case, filled
from tests.infra.render.provider.programs import counts
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed, engine
from tests.support.render import FakeTime, serving

Program = Mapping[str, tuple[str, dict[str, Any]]]

# Each with more than the least it needs, so that there are calls to cut.
_MORE: dict[str, dict[str, Any]] = {
    "WebService": {
        "envGroupIds": ["{group}"],
        "envVars": {"A": "1", "MADE": {"generateValue": True}, "KEY": {"value": "secret", "writeOnly": True}},
        "secretFiles": {"a.txt": "content"},
        "disk": {"name": "data", "mountPath": "/data", "sizeGB": 1},
        "notifications": {"notificationsToSend": "all"},
        "environmentId": "{home.environmentIds.production}",
    },
    "CronJob": {"envGroupIds": ["{group}"], "envVars": {"A": "1"}},
    "EnvGroup": {"envVars": {"A": "1", "KEY": {"value": "secret", "writeOnly": True}}, "secretFiles": {"a": "b"}},
    "Project": {"environments": {"production": {}, "development": {}}},
}
_LATER: dict[str, dict[str, Any]] = {
    "WebService": {
        "plan": "standard",
        "envGroupIds": [],
        "envVars": {"A": "2", "B": "3"},
        "secretFiles": {"b.txt": "other"},
        "notifications": {"notificationsToSend": "none"},
        "healthCheckPath": "/health",
    },
    "EnvGroup": {"name": "renamed", "envVars": {"A": "2", "B": "3"}, "secretFiles": {"c": "d"}},
    "Project": {"name": "renamed", "environments": {"production": {"protectedStatus": "protected"}, "new": {}}},
}


def changed(case: Case) -> dict[str, Any]:
    """Return what an update changes: two properties, or what is given above."""
    if case.type in _LATER:
        return _LATER[case.type]
    names = [name for name in case.others if name not in ("environmentId", "envGroupIds", "registryCredentialId")]
    return {name: case.others[name].value for name in names[:2]}


@contextmanager
def workspace() -> Iterator[tuple[Server, FakeTime, dict[str, Any]]]:
    """Serve a workspace, with the configuration for it."""
    fake_time = FakeTime()
    with serving(Server(now=fake_time.now)) as render:
        render.limits.enforced = False
        yield render, fake_time, {"renderApiKey": render.key, "renderApiUrl": render.url, "owner": render.state.owner}


def settled(render: Server, fake_time: FakeTime, config: dict[str, Any], held: Any, program: Program) -> dict[str, int]:
    """Run an update in a new process and check that it ends well; return what there is then."""
    with engine(config, fake_time.clock) as stack:
        stack.resources = held
        stack.up(program)
        held = stack.resources
    with engine(config, fake_time.clock) as stack:
        stack.resources = held
        stack.up(program)
        assert {step for step, _ in stack.steps} <= {"same"}
        stack.refresh()
        assert {step for step, _ in stack.steps} <= {"same"}, "everything is as the program says"
        found = counts(render)
        stack.destroy()
    left = counts(render)
    assert not any(left.values()), f"orphans: {left}"
    return found


def needed(case: Case, stack: Engine) -> None:
    if case.needs:
        stack.up(dict(case.needs))


# A process that dies before its call did anything leaves what a call that failed leaves.
ENDS = [(False, False), (False, True), (True, True)]
CREATED = [(case, killed, after) for case in CASES for killed, after in ENDS]


def _id(case: Case, killed: bool, after: bool) -> str:
    return f"{case.type}-{'killed' if killed else 'failed'}-{'after' if after else 'before'}"


@pytest.mark.parametrize(("case", "killed", "after"), CREATED, ids=[_id(*one) for one in CREATED])
def test_a_creation_that_is_cut_at_any_call_is_finished_by_the_next_update(
    case: Case, killed: bool, after: bool
) -> None:
    """killed: the process dies, so the state learns nothing. after: the cut call still made its change."""
    at, expected = 1, None
    while True:
        with workspace() as (render, fake_time, config):
            with engine(config, fake_time.clock) as stack:
                needed(case, stack)
                program = case.needs | {"it": (case.token, filled(case.least | _MORE.get(case.type, {}), stack))}
                before = copy.deepcopy(stack.resources)
                cut = _cut(render, at, after, stack, program)
                held = before if killed else stack.resources
            found = settled(render, fake_time, config, held, program)
            expected = expected or _whole(case)
            assert found == expected, f"cut at call {at}"
        if not cut:
            return
        at += 1


def _cut(render: Server, at: int, after: bool, stack: Engine, program: Program) -> bool:
    """Run an update whose calls are cut from number `at` on; return whether that was before its end."""
    render.faults.cut(at, after)
    try:
        stack.up(program)
    except StepFailed:
        return True
    finally:
        render.faults.heal()
    return False


def _whole(case: Case) -> dict[str, int]:
    """Return what there is after an update that nothing cut."""
    with workspace() as (render, fake_time, config), engine(config, fake_time.clock) as stack:
        needed(case, stack)
        stack.up(case.needs | {"it": (case.token, filled(case.least | _MORE.get(case.type, {}), stack))})
        return counts(render)


UPDATED = [(case, killed, after) for case in CASES if case.others for killed, after in ENDS]


@pytest.mark.parametrize(("case", "killed", "after"), UPDATED, ids=[_id(*one) for one in UPDATED])
def test_an_update_that_is_cut_at_any_call_is_finished_by_the_next_one(case: Case, killed: bool, after: bool) -> None:
    at, expected = 1, _changed(case)
    while True:
        with workspace() as (render, fake_time, config):
            with engine(config, fake_time.clock) as stack:
                needed(case, stack)
                first = case.least | _MORE.get(case.type, {})
                stack.up(case.needs | {"it": (case.token, filled(first, stack))})
                before = copy.deepcopy(stack.resources)
                program = case.needs | {"it": (case.token, filled(first | changed(case), stack))}
                cut = _cut(render, at, after, stack, program)
                held = before if killed else stack.resources
            assert settled(render, fake_time, config, held, program) == expected, f"cut at call {at}"
        if not cut:
            return
        at += 1


def _changed(case: Case) -> dict[str, int]:
    """Return what there is after an update that nothing cut."""
    with workspace() as (render, fake_time, config), engine(config, fake_time.clock) as stack:
        needed(case, stack)
        first = case.least | _MORE.get(case.type, {})
        for properties in (first, first | changed(case)):
            stack.up(case.needs | {"it": (case.token, filled(properties, stack))})
        return counts(render)


@pytest.mark.parametrize("type_", ["WebService", "EnvGroup"])
@pytest.mark.parametrize("refreshed", [False, True], ids=["at once", "after a refresh"])
def test_what_a_cut_update_should_have_removed_is_removed_and_what_is_not_ours_stays(
    type_: str, refreshed: bool, stack: Engine, render: Server, api: RenderApi
) -> None:
    [case] = [one for one in CASES if one.type == type_]
    stack.up({"it": (case.token, case.least | {"envVars": {"A": "1", "B": {"value": "b", "writeOnly": True}}})})
    id_ = stack.resources["it"].id
    (api.env_groups if type_ == "EnvGroup" else api.variables).set(id_, "HAND", "by hand")
    render.faults.add(Fault("fail", "DELETE", times=99, status=400))
    later = {"it": (case.token, case.least | {"name": "renamed", "envVars": {"A": "1"}})}

    for _ in range(2):
        with pytest.raises(StepFailed):
            stack.up(later)
    render.faults.heal()
    if refreshed:
        stack.refresh()
    stack.up(later)

    there = api.env_groups.get(id_)["envVars"] if type_ == "EnvGroup" else None
    names = api.variables.all(id_) if there is None else {one["key"] for one in there}
    assert set(names) == {"A", "HAND"}
    assert set(stack.resources["it"].values["envVars"]) == {"A"}


REPLACED = [
    (case, killed, after) for case in CASES if case.replaced_by and case.type != "Deploy" for killed, after in ENDS
]


@pytest.mark.parametrize(("case", "killed", "after"), REPLACED, ids=[_id(*one) for one in REPLACED])
def test_a_replacement_that_is_cut_at_any_call_leaves_one(case: Case, killed: bool, after: bool) -> None:
    at, expected = 1, None
    while True:
        with workspace() as (render, fake_time, config):
            with engine(config, fake_time.clock) as stack:
                needed(case, stack)
                stack.up(case.needs | {"it": (case.token, filled(case.least, stack))})
                before = copy.deepcopy(stack.resources)
                whole = counts(render)
                program = case.needs | {"it": (case.token, filled(case.least | case.replaced_by, stack))}
                cut = _cut(render, at, after, stack, program)
                held = before if killed else stack.resources
            expected = expected or whole
            assert settled(render, fake_time, config, held, program) == expected, f"cut at call {at}"
        if not cut:
            return
        at += 1


DELETED = [(case, after) for case in CASES for after in (False, True)]


@pytest.mark.parametrize(("case", "after"), DELETED, ids=[_id(case, True, after) for case, after in DELETED])
def test_a_deletion_that_is_cut_at_any_call_is_finished_by_the_next_update(case: Case, after: bool) -> None:
    """Whether the process failed or died, the state still has what was being deleted."""
    at = 1
    while True:
        with workspace() as (render, fake_time, config):
            with engine(config, fake_time.clock) as stack:
                needed(case, stack)
                rest = case.needs
                stack.up(rest | {"it": (case.token, filled(case.least | _MORE.get(case.type, {}), stack))})
                cut = _cut(render, at, after, stack, rest)
                held = stack.resources
            settled(render, fake_time, config, held, rest)
        if not cut:
            return
        at += 1
