"""What an account has is found by name, exactly, over all pages."""

from __future__ import annotations

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.listing import Listing
from infra.aliyun.api.transport import Transport
from tests.standins.aliyun.server import Server
from tests.support.aliyun import INSTANCE, Caller
from tests.support.aliyun_cloud import KEYS


@pytest.fixture
def listing(functions: Server) -> Listing:
    keys = Keys(id=functions.key, secret=KEYS.secret)
    return Listing(keys=keys, region="cn-hangzhou", transport=Transport(sleep=lambda seconds: None))


def network(server: Server, name: str) -> str:
    return str(Caller(server).rpc("vpc", "CreateVpc", VpcName=name, CidrBlock="10.20.0.0/16").body["VpcId"])


def test_networks_and_what_is_in_them_are_found_by_name(functions: Server, listing: Listing) -> None:
    caller, id_ = Caller(functions), network(functions, "memory")
    network(functions, "memory-2")
    place = {"CidrBlock": "10.20.0.0/24", "ZoneId": "cn-hangzhou-h"}
    switch = caller.rpc("vpc", "CreateVSwitch", VpcId=id_, VSwitchName="memory", **place).body["VSwitchId"]
    group = caller.rpc("ecs", "CreateSecurityGroup", VpcId=id_, SecurityGroupName="memory").body["SecurityGroupId"]

    assert [one["VpcId"] for one in listing.networks("memory")] == [id_]
    assert [one["VSwitchId"] for one in listing.switches("memory", id_)] == [switch]
    assert [one["SecurityGroupId"] for one in listing.security_groups("memory", id_)] == [group]
    assert listing.switches("memory", "vpc-other") == listing.security_groups("other", id_) == []


def test_an_alarm_is_found_by_its_whole_name(functions: Server, listing: Listing) -> None:
    for number, name in enumerate(("errors (https://example.org/#a)", "errors")):
        Caller(functions).rpc(
            "cms",
            "PutResourceMetricRule",
            RuleId=f"rule-{number}",
            RuleName=name,
            Namespace="acs_fc",
            MetricName="FunctionFunctionErrors",
            Escalations_Critical_Statistics="Value",
            Escalations_Critical_ComparisonOperator="GreaterThanThreshold",
            Escalations_Critical_Threshold="5",
            Escalations_Critical_Times="3",
        )

    assert [one["RuleId"] for one in listing.alarms("errors", "acs_fc")] == ["rule-1"]
    assert listing.alarms("errors", "acs_other") == []


def test_a_database_is_found_by_its_description(functions: Server, listing: Listing) -> None:
    id_ = network(functions, "memory")
    place = {"CidrBlock": "10.20.0.0/24", "ZoneId": "cn-hangzhou-h"}
    switch = Caller(functions).rpc("vpc", "CreateVSwitch", VpcId=id_, **place).body["VSwitchId"]
    asked = INSTANCE | {"VPCId": id_, "VSwitchId": switch, "ZoneId": "cn-hangzhou-h"}
    made = Caller(functions).rpc("rds", "CreateDBInstance", **asked).body["DBInstanceId"]

    assert [one["DBInstanceId"] for one in listing.databases("memory")] == [made]
    assert listing.databases("other") == []
