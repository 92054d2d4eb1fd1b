"""What an interrupted `up` made becomes part of the state; the rest is pending no more."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.recovery.engine import Engine
from infra.aliyun.recovery.ids import Finder
from infra.aliyun.recovery.recovery import Found, Outcome, recover
from infra.command_errors import CannotDo
from tests.infra.aliyun.recovery.test_ids import finder
from tests.support.aliyun_stack import Stack

__all__ = ["finder"]  # a fixture

PREFIX = "urn:pulumi:aliyun::claude-memory::component$"


def resource(type_: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {"urn": f"{PREFIX}{type_}::{name}", "type": type_, "custom": True, "inputs": inputs}


ROLE = resource("alicloud:ram/role:Role", "memory-role", roleName="memory")
BUCKET = resource("alicloud:oss/bucket:Bucket", "memory-code", bucket="memory-code-1")
ACL = resource("alicloud:oss/bucketAcl:BucketAcl", "memory-code", bucket="memory-code-1", acl="private")


@pytest.fixture
def engine(stack: Stack) -> Engine:
    return Engine(folder=stack.folder, stack="aliyun", say=lambda text: None, sleep=lambda seconds: None)


def no_finder(region: str, account: str) -> Finder:
    raise AssertionError("nothing is to be found")


def commands(stack: Stack) -> list[str]:
    return [" ".join(word for word in call[:2] if not word.startswith("-")) for call in stack.state["calls"]]


def test_a_stack_that_was_not_interrupted_is_left_alone(stack: Stack, engine: Engine) -> None:
    assert recover(engine, no_finder) == []
    assert commands(stack) == ["stack export"]


def test_what_is_there_is_taken_over_and_what_is_not_is_dropped(stack: Stack, engine: Engine, finder: Finder) -> None:
    stack.interrupt(ROLE, BUCKET, ACL, gone=("memory-code-1",))

    assert recover(engine, lambda region, account: finder) == [
        Found("ram.Role", "memory-role", Outcome.TAKEN_OVER, "memory"),
        Found("oss.Bucket", "memory-code", Outcome.NOT_THERE),
        Found("oss.BucketAcl", "memory-code", Outcome.NOT_THERE),
    ]
    deployment = stack.state["deployment"]
    assert deployment["pending_operations"] == []
    assert [one["id"] for one in deployment["resources"]] == ["provider", "memory"]


def test_a_recovery_that_failed_is_repeated(stack: Stack, engine: Engine, finder: Finder) -> None:
    stack.interrupt(ROLE, BUCKET, gone=("memory-code-1",))
    stack.fail("error: 403 AccessDenied")
    with pytest.raises(CannotDo, match="403 AccessDenied"):
        recover(engine, lambda region, account: finder)

    assert [one.outcome for one in recover(engine, no_finder)] == [Outcome.TAKEN_OVER, Outcome.NOT_THERE]
    assert recover(engine, no_finder) == []


def test_what_was_about_to_be_deleted_needs_a_refresh_alone(stack: Stack, engine: Engine) -> None:
    stack.interrupt()
    state = stack.state["deployment"]
    state["pending_operations"] = [{"type": "deleting", "resource": ROLE}]
    stack._put(deployment=state)

    assert recover(engine, no_finder) == []
    assert commands(stack) == ["stack export", "stack import", "refresh", "stack export"]
    assert stack.state["deployment"]["pending_operations"] == []
