"""What exists under the stack's names, without any note of it, is taken into the state."""

from __future__ import annotations

import pytest

from infra.aliyun.recovery.adopting import adopt
from infra.aliyun.recovery.engine import Engine
from infra.aliyun.recovery.recovery import Found, Outcome
from tests.infra.aliyun.recovery.test_recovery import ACL, BUCKET, ROLE, engine, resource
from tests.support.aliyun_stack import Stack

__all__ = ["engine"]  # a fixture

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@pytest.fixture
def empty(stack: Stack) -> Stack:
    """A stack whose state has its provider alone, of which nothing is left."""
    stack.interrupt()
    return stack


def ids(stack: Stack) -> list[str]:
    return [one["id"] for one in stack.state["deployment"]["resources"]]


def test_what_is_there_by_its_name_is_taken_and_the_rest_is_not(empty: Stack, engine: Engine) -> None:
    empty.would_create(ROLE, BUCKET, ACL)
    empty._put(gone=["memory-code-1"])

    assert adopt(engine) == [Found("ram.Role", "memory-role", Outcome.TAKEN_OVER, "memory")]
    assert ids(empty) == ["provider", "memory"]


def test_what_depends_on_it_is_taken_next(empty: Stack, engine: Engine) -> None:
    policy = resource("alicloud:ram/policy:Policy", "memory-role", policyName="memory-policy")
    empty.would_create(policy | {"dependencies": [ROLE["urn"]]}, ROLE)

    assert {one.id for one in adopt(engine)} == {"memory", "memory-policy"}
    assert ids(empty) == ["provider", "memory", "memory-policy"]


def test_what_is_only_known_later_or_not_to_be_created_is_left_alone(empty: Stack, engine: Engine) -> None:
    empty.would_create(resource("alicloud:ram/role:Role", "unknown", roleName=UNKNOWN))
    empty.would_create(BUCKET, steps=("create-replacement", "replace", "delete-replaced"))

    assert adopt(engine) == []
    assert not any(call[:2] == ["stack", "import"] for call in empty.state["calls"])
