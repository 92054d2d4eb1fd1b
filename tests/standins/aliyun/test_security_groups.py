"""Security groups and their rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.aliyun import Caller

RULE = {
    "Permissions_1_IpProtocol": "tcp",
    "Permissions_1_PortRange": "5432/5432",
    "Permissions_1_SourceCidrIp": "10.20.0.0/24",
    "Permissions_1_Policy": "accept",
    "Permissions_1_Priority": "1",
}


@pytest.fixture
def group(caller: Caller) -> str:
    """The id of a group."""
    vpc = caller.rpc("vpc", "CreateVpc", CidrBlock="10.20.0.0/16").body["VpcId"]
    return str(caller.rpc("ecs", "CreateSecurityGroup", VpcId=vpc, SecurityGroupName="m").body["SecurityGroupId"])


def rules(caller: Caller, group: str, **more: str) -> list[dict[str, Any]]:
    shown = caller.rpc("ecs", "DescribeSecurityGroupAttribute", SecurityGroupId=group, **more).body
    found: list[dict[str, Any]] = shown["Permissions"]["Permission"]
    return found


def test_a_rule_is_there_once_and_is_removed(caller: Caller, group: str) -> None:
    for _ in range(2):
        caller.rpc("ecs", "AuthorizeSecurityGroup", SecurityGroupId=group, **RULE)
    [rule] = rules(caller, group)
    parts = {name: rule[name] for name in ("IpProtocol", "PortRange", "SourceCidrIp", "Policy", "Direction")}

    assert parts == {
        "IpProtocol": "TCP",
        "PortRange": "5432/5432",
        "SourceCidrIp": "10.20.0.0/24",
        "Policy": "Accept",
        "Direction": "ingress",
    }
    assert rules(caller, group, Direction="egress") == []
    caller.rpc("ecs", "RevokeSecurityGroup", SecurityGroupId=group, **RULE)
    assert rules(caller, group) == []


def test_a_rule_without_an_end_or_with_wrong_ports_is_refused(caller: Caller, group: str) -> None:
    wrong = [RULE | {"Permissions_1_SourceCidrIp": ""}, RULE | {"Permissions_1_PortRange": "5432"}]

    for rule in wrong:
        assert caller.rpc("ecs", "AuthorizeSecurityGroup", SecurityGroupId=group, **rule).status == 400


def test_a_group_is_listed_changed_and_deleted(caller: Caller, group: str) -> None:
    caller.rpc("ecs", "ModifySecurityGroupPolicy", SecurityGroupId=group, InnerAccessPolicy="Drop")
    caller.rpc("ecs", "ModifySecurityGroupAttribute", SecurityGroupId=group, Description="other")
    [shown] = caller.rpc("ecs", "DescribeSecurityGroups", SecurityGroupIds=f'["{group}"]').body["SecurityGroups"][
        "SecurityGroup"
    ]

    assert shown["Description"] == "other"
    attribute = caller.rpc("ecs", "DescribeSecurityGroupAttribute", SecurityGroupId=group).body
    assert attribute["InnerAccessPolicy"] == "Drop"
    vpc = attribute["VpcId"]
    assert caller.rpc("vpc", "DeleteVpc", VpcId=vpc).code == "DependencyViolation.SecurityGroup"
    assert caller.rpc("ecs", "DeleteSecurityGroup", SecurityGroupId=group).status == 200
    assert caller.rpc("ecs", "DescribeSecurityGroupAttribute", SecurityGroupId=group).status == 404


def test_a_group_is_found_by_its_name_and_its_network(caller: Caller, group: str) -> None:
    found = [
        caller.rpc("ecs", "DescribeSecurityGroups", **asked).body["SecurityGroups"]["SecurityGroup"]
        for asked in ({"SecurityGroupName": "m"}, {"SecurityGroupName": "other"}, {"VpcId": "vpc-other"})
    ]

    assert [[one["SecurityGroupId"] for one in groups] for groups in found] == [[group], [], []]
