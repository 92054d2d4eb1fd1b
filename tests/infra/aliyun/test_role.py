"""The role has the least rights: its own log store, and its network when there is one."""

from __future__ import annotations

import json
from typing import Any

from tests.support.aliyun_plan import EVERYTHING, one
from tests.support.stacks import aliyun_plan


def statements(**others: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(one(aliyun_plan(**others), "Policy")["policyDocument"])["Statement"]
    return found


def test_a_function_may_write_to_its_own_log_store_and_nothing_else() -> None:
    [logs] = statements()

    assert logs["Action"] == ["log:PostLogStoreLogs"]
    assert logs["Resource"] == [
        "acs:log:cn-hangzhou:1234567890123456:project/claude-memory-test-1234567890123456/logstore/functions"
    ]


def test_in_a_network_it_may_use_interfaces_of_its_account_and_region() -> None:
    _, network = statements(**EVERYTHING)

    assert all(":cn-hangzhou:1234567890123456:" in resource for resource in network["Resource"])


def test_no_action_is_a_wildcard() -> None:
    assert not [action for found in statements(**EVERYTHING) for action in found["Action"] if "*" in action]


def test_only_the_platform_takes_the_role() -> None:
    document = json.loads(one(aliyun_plan(), "Role")["assumeRolePolicyDocument"])

    assert [found["Principal"] for found in document["Statement"]] == [{"Service": ["fc.aliyuncs.com"]}]
