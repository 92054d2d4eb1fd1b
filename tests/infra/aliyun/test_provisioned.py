"""Instances that always run."""

from __future__ import annotations

import json
from typing import Any

from infra.aliyun.provider.provider import TYPE
from infra.plan import Declared
from tests.support.aliyun_plan import EVERYTHING
from tests.support.stacks import aliyun_plan


def declared(**others: Any) -> list[Declared]:
    return list(aliyun_plan(**others).of_type(TYPE).values())


def test_a_stack_declares_them_for_its_alias_with_their_schedule() -> None:
    [found] = declared(**EVERYTHING)

    assert (found.inputs["function"], found.inputs["qualifier"]) == ("claude-memory-test", "live")
    assert (found.inputs["target"], found.inputs["allocateCpu"]) == (1, False)
    assert json.loads(found.inputs["actions"]) == [
        {"name": "day", "scheduleExpression": "cron(0 0 8 * * *)", "target": 2, "timeZone": "UTC"}
    ]


def test_none_run_all_the_time_unless_asked_for() -> None:
    assert declared() == []
    assert aliyun_plan().of_type("pulumi:providers:fcprovision") == {}


def test_keys_of_the_stack_are_secrets_of_the_provider() -> None:
    own = {"accessKeyId": "made-up-id", "accessKeySecret": "made-up-secret"}
    plan = aliyun_plan(secrets=own, provisioned={"instances": 1})
    [provider] = plan.of_type("pulumi:providers:fcprovision").values()

    assert provider.secrets == {"accessKeyId", "accessKeySecret"}
