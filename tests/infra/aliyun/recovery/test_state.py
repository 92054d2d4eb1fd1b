"""What is unfinished in an exported state, and how that becomes part of it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.recovery.state import State
from infra.command_errors import CannotDo

ROLE = "alicloud:ram/role:Role"
URN = "urn:pulumi:test::claude-memory::component$alicloud:ram/role:Role::memory-role"


def role(**more: Any) -> dict[str, Any]:
    return {"urn": URN, "type": ROLE, "custom": True, "inputs": {"roleName": "memory"}} | more


def state(*resources: dict[str, Any], creating: tuple[dict[str, Any], ...] = ()) -> State:
    pending = [{"type": "creating", "resource": one} for one in creating]
    return State({"version": 3, "deployment": {"resources": list(resources), "pending_operations": pending}})


def test_a_whole_state_has_nothing_unfinished() -> None:
    whole = state(role(id="memory", outputs={"id": "memory"}))

    assert (whole.pending, whole.unread, whole.interrupted) == ([], [], False)
    assert State({"version": 3, "deployment": {}}).pending == []


def test_what_was_about_to_be_made_has_a_name_and_a_kind() -> None:
    [one] = state(creating=(role(),)).pending

    assert (one.name, one.kind, one.inputs) == ("memory-role", "ram.Role", {"roleName": "memory"})


def test_what_is_noted_twice_is_not_unfinished() -> None:
    assert state(role(id="memory", outputs={"id": "memory"}), creating=(role(),)).pending == []


def test_what_is_taken_over_is_unread_until_a_refresh() -> None:
    found = state(creating=(role(),))
    found.take_over({URN: "memory"})

    assert (found.pending, [one.urn for one in found.unread], found.ids) == ([], [URN], {URN: "memory"})
    assert found.exported["deployment"]["pending_operations"] == []


def test_what_it_was_about_to_replace_is_left_to_be_deleted() -> None:
    found = state(role(id="old", outputs={"id": "old"}), creating=(role(inputs={"roleName": "new"}),))
    found.take_over({URN: "new"})
    old, new = found.exported["deployment"]["resources"]

    assert (old["id"], old["delete"], new["id"], new.get("delete")) == ("old", True, "new", None)
    assert found.known(ROLE) == {"old", "new"}


def test_what_was_not_made_is_pending_no_more_and_leaves_the_rest_alone() -> None:
    found = state(role(id="old", outputs={"id": "old"}), creating=(role(inputs={"roleName": "new"}),))
    found.take_over({})

    assert (found.ids, found.pending) == ({URN: "old"}, [])
    assert "delete" not in found.exported["deployment"]["resources"][0]


def test_region_and_account_are_those_of_the_provider() -> None:
    inputs = {"region": "cn-hangzhou", "accountId": "1"}

    assert state({"urn": "u", "type": "pulumi:providers:alicloud", "inputs": inputs}).where == ("cn-hangzhou", "1")
    with pytest.raises(CannotDo, match="no provider of Alibaba Cloud"):
        _ = state().where
