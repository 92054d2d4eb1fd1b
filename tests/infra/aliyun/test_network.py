"""The private network: nothing gets in, and both functions are in it."""

from __future__ import annotations

from tests.support.aliyun_plan import EVERYTHING, of_kind, one
from tests.support.stacks import aliyun_plan


def test_the_switch_is_in_the_zone_that_was_asked_for() -> None:
    plan = aliyun_plan(**EVERYTHING)

    assert one(plan, "Switch")["zoneId"] == "cn-hangzhou-h"
    assert one(plan, "Network")["cidrBlock"] == "10.20.0.0/16"


def test_nothing_gets_in() -> None:
    plan = aliyun_plan(**EVERYTHING)

    assert one(plan, "SecurityGroup")["innerAccessPolicy"] == "Drop"
    assert of_kind(plan, "SecurityGroupRule") == {}


def test_both_functions_join_it_only_when_it_is_there() -> None:
    inside, outside = (of_kind(aliyun_plan(**keys), "V3Function").values() for keys in (EVERYTHING, {}))

    assert all("vpcConfig" in function.inputs for function in inside)
    assert not any("vpcConfig" in function.inputs for function in outside)
