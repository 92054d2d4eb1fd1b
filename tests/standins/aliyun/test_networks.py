"""Networks and switches."""

from __future__ import annotations

import pytest

from tests.support.aliyun import Caller

SWITCH = {"CidrBlock": "10.20.0.0/24", "ZoneId": "cn-hangzhou-h"}


@pytest.fixture
def vpc(caller: Caller) -> str:
    """The id of a network."""
    return str(caller.rpc("vpc", "CreateVpc", VpcName="memory", CidrBlock="10.20.0.0/16").body["VpcId"])


def test_a_network_tells_of_its_switches_and_its_table(caller: Caller, vpc: str) -> None:
    switch = caller.rpc("vpc", "CreateVSwitch", VpcId=vpc, **SWITCH).body["VSwitchId"]
    shown = caller.rpc("vpc", "DescribeVpcAttribute", VpcId=vpc).body
    tables = caller.rpc("vpc", "DescribeRouteTableList", VpcId=vpc).body["RouterTableList"]["RouterTableListType"]

    assert (shown["Status"], shown["VSwitchIds"]) == ("Available", {"VSwitchId": [switch]})
    assert [table["VpcId"] for table in tables] == [vpc]
    assert caller.rpc("vpc", "DescribeVSwitchAttributes", VSwitchId=switch).body["ZoneId"] == "cn-hangzhou-h"


def test_a_network_with_switches_is_not_deleted(caller: Caller, vpc: str) -> None:
    switch = caller.rpc("vpc", "CreateVSwitch", VpcId=vpc, **SWITCH).body["VSwitchId"]

    assert caller.rpc("vpc", "DeleteVpc", VpcId=vpc).code == "DependencyViolation.VSwitch"
    assert caller.rpc("vpc", "DeleteVSwitch", VSwitchId=switch).status == 200
    assert caller.rpc("vpc", "DeleteVpc", VpcId=vpc).status == 200
    assert caller.rpc("vpc", "DescribeVpcAttribute", VpcId=vpc).code == "InvalidVpcId.NotFound"


def test_a_switch_is_inside_its_network_and_in_a_zone_of_the_region(caller: Caller, vpc: str) -> None:
    outside = caller.rpc("vpc", "CreateVSwitch", VpcId=vpc, CidrBlock="10.30.0.0/24", ZoneId="cn-hangzhou-h")
    elsewhere = caller.rpc("vpc", "CreateVSwitch", VpcId=vpc, CidrBlock="10.20.0.0/24", ZoneId="cn-beijing-h")

    assert (outside.code, elsewhere.code) == ("InvalidCidrBlock.Malformed", "InvalidZoneId.NotFound")


def test_names_and_tags_are_changed(caller: Caller, vpc: str) -> None:
    caller.rpc("vpc", "ModifyVpcAttribute", VpcId=vpc, VpcName="other")
    caller.rpc("vpc", "TagResources", ResourceType="VPC", ResourceId_1=vpc, Tag_1_Key="app", Tag_1_Value="memory")
    shown = caller.rpc("vpc", "DescribeVpcAttribute", VpcId=vpc).body

    assert (shown["VpcName"], shown["Tags"]) == ("other", {"Tag": [{"Key": "app", "Value": "memory"}]})


def test_networks_and_switches_are_found_by_their_names(caller: Caller, vpc: str) -> None:
    switch = caller.rpc("vpc", "CreateVSwitch", VpcId=vpc, VSwitchName="memory", **SWITCH).body["VSwitchId"]
    networks = [caller.rpc("vpc", "DescribeVpcs", VpcName=name).body["Vpcs"]["Vpc"] for name in ("memory", "other")]
    switches = caller.rpc("vpc", "DescribeVSwitches", VSwitchName="memory", VpcId=vpc).body["VSwitches"]["VSwitch"]

    assert [[one["VpcId"] for one in found] for found in networks] == [[vpc], []]
    assert [one["VSwitchId"] for one in switches] == [switch]
