"""VPC: networks, switches, and the route table of each network."""

from __future__ import annotations

import ipaddress
import re

from tests.standins.aliyun.state import Json, Refused, Reply, Request, State


def create_vpc(state: State, request: Request) -> Reply:
    id_ = state.id("vpc")
    shown = {
        "VpcId": id_,
        "RegionId": state.region,
        "Status": "Available",
        "VpcName": request.parameters.get("VpcName", ""),
        "Description": request.parameters.get("Description", ""),
        "CidrBlock": request.parameters.get("CidrBlock", "172.16.0.0/12"),
        "Ipv6CidrBlock": "",
        "CreationTime": state.time(),
        "IsDefault": False,
        "ClassicLinkEnabled": False,
        "VRouterId": state.id("vrt"),
        "ResourceGroupId": "rg-default",
        "OwnerId": int(state.account),
        "SecondaryCidrBlocks": {"SecondaryCidrBlock": []},
        "UserCidrs": {"UserCidr": []},
        "Ipv6CidrBlocks": {"Ipv6CidrBlock": []},
        "DnsHostnameStatus": "DISABLED",
    }
    state.vpcs[id_] = {"shown": shown, "table": state.id("vtb"), "tags": request.tags()}
    answer = {"VpcId": id_, "VRouterId": shown["VRouterId"], "RouteTableId": state.vpcs[id_]["table"]}
    return Reply(answer | {"ResourceGroupId": "rg-default"})


def vpc(state: State, id_: str) -> Json:
    """Return a network. Raises Refused if it is missing."""
    if id_ not in state.vpcs:
        raise Refused(404, "InvalidVpcId.NotFound", "Specified VPC does not exist.")
    return state.vpcs[id_]


def _tags(one: Json) -> Json:
    return {"Tag": [{"Key": key, "Value": value} for key, value in one["tags"].items()]}


def get_vpc(state: State, request: Request) -> Reply:
    one = vpc(state, request.parameter("VpcId"))
    switches = [id_ for id_, switch in state.vswitches.items() if switch["shown"]["VpcId"] == one["shown"]["VpcId"]]
    return Reply(one["shown"] | {"VSwitchIds": {"VSwitchId": switches}, "Tags": _tags(one)})


def list_vpcs(state: State, request: Request) -> Reply:
    found = [one["shown"] for one in _named(state.vpcs, request, "VpcName")]
    return Reply({"Vpcs": {"Vpc": found}, "TotalCount": len(found), "PageNumber": 1, "PageSize": 50})


def _named(table: dict[str, Json], request: Request, *names: str) -> list[Json]:
    """Return the things whose fields are as a request has them."""
    wanted = {name: request.parameters[name] for name in names if request.parameters.get(name)}
    return [one for one in table.values() if wanted.items() <= one["shown"].items()]


def update_vpc(state: State, request: Request) -> Reply:
    shown = vpc(state, request.parameter("VpcId"))["shown"]
    shown |= {name: request.parameters[name] for name in ("VpcName", "Description") if name in request.parameters}
    return Reply({})


def delete_vpc(state: State, request: Request) -> Reply:
    id_ = vpc(state, request.parameter("VpcId"))["shown"]["VpcId"]
    for table, code in ((state.vswitches, "VSwitch"), (state.security_groups, "SecurityGroup")):
        if any(one["shown"]["VpcId"] == id_ for one in table.values()):
            raise Refused(400, f"DependencyViolation.{code}", f"The VPC still has a {code}.")
    del state.vpcs[id_]
    return Reply({})


def route_tables(state: State, request: Request) -> Reply:
    one = vpc(state, request.parameter("VpcId"))
    table = {
        "RouteTableId": one["table"],
        "RouteTableName": "",
        "RouteTableType": "System",
        "VpcId": one["shown"]["VpcId"],
        "RouterId": one["shown"]["VRouterId"],
        "RouterType": "VRouter",
        "RoutePropagationEnable": True,
        "Description": "",
        "Status": "Available",
    }
    return Reply({"RouterTableList": {"RouterTableListType": [table]}, "TotalCount": 1, "PageSize": 10})


def create_switch(state: State, request: Request) -> Reply:
    network, block = vpc(state, request.parameter("VpcId"))["shown"], request.parameter("CidrBlock")
    if not ipaddress.ip_network(block).subnet_of(ipaddress.ip_network(network["CidrBlock"])):  # type: ignore[arg-type]
        raise Refused(400, "InvalidCidrBlock.Malformed", "The CIDR block is not of the VPC.")
    zone = request.parameter("ZoneId")
    if not re.fullmatch(rf"{state.region}-[a-z]", zone):
        raise Refused(404, "InvalidZoneId.NotFound", f"Specified zone does not exist: {zone}")
    id_ = state.id("vsw")
    shown = {
        "VSwitchId": id_,
        "VpcId": network["VpcId"],
        "CidrBlock": block,
        "ZoneId": zone,
        "Status": "Available",
        "VSwitchName": request.parameters.get("VSwitchName", ""),
        "Description": request.parameters.get("Description", ""),
        "CreationTime": state.time(),
        "IsDefault": False,
        "AvailableIpAddressCount": 250,
        "Ipv6CidrBlock": "",
        "ResourceGroupId": "rg-default",
        "NetworkAclId": "",
    }
    state.vswitches[id_] = {"shown": shown, "tags": request.tags()}
    return Reply({"VSwitchId": id_})


def _switch(state: State, id_: str) -> Json:
    if id_ not in state.vswitches:
        raise Refused(404, "InvalidVswitchID.NotFound", "Specified virtual switch does not exist.")
    return state.vswitches[id_]


def get_switch(state: State, request: Request) -> Reply:
    one = _switch(state, request.parameter("VSwitchId"))
    return Reply(one["shown"] | {"Tags": _tags(one)})


def list_switches(state: State, request: Request) -> Reply:
    found = [one["shown"] for one in _named(state.vswitches, request, "VSwitchName", "VpcId")]
    return Reply({"VSwitches": {"VSwitch": found}, "TotalCount": len(found), "PageNumber": 1, "PageSize": 50})


def update_switch(state: State, request: Request) -> Reply:
    shown = _switch(state, request.parameter("VSwitchId"))["shown"]
    shown |= {name: request.parameters[name] for name in ("VSwitchName", "Description") if name in request.parameters}
    return Reply({})


def delete_switch(state: State, request: Request) -> Reply:
    id_ = _switch(state, request.parameter("VSwitchId"))["shown"]["VSwitchId"]
    used = [function["shown"]["vpcConfig"]["vSwitchIds"] for function in state.functions.values()]
    if any(id_ in ids for ids in used) or any(one["shown"]["VSwitchId"] == id_ for one in state.databases.values()):
        raise Refused(400, "DependencyViolation", "The virtual switch is in use.")
    del state.vswitches[id_]
    return Reply({})


def _tagged(state: State, request: Request) -> list[Json]:
    tables = {"VPC": state.vpcs, "VSWITCH": state.vswitches}
    table = tables[request.parameter("ResourceType").upper()]
    return [table[id_] for id_ in request.numbered("ResourceId") if id_ in table]


def tag(state: State, request: Request) -> Reply:
    for one in _tagged(state, request):
        one["tags"] |= request.tags()
    return Reply({})


def untag(state: State, request: Request) -> Reply:
    for one in _tagged(state, request):
        for key in request.numbered("TagKey"):
            one["tags"].pop(key, None)
    return Reply({})


ROUTES = [
    ("vpc CreateVpc", create_vpc),
    ("vpc DescribeVpcs", list_vpcs),
    ("vpc DescribeVpcAttribute", get_vpc),
    ("vpc ModifyVpcAttribute", update_vpc),
    ("vpc DeleteVpc", delete_vpc),
    ("vpc DescribeRouteTableList", route_tables),
    ("vpc CreateVSwitch", create_switch),
    ("vpc DescribeVSwitches", list_switches),
    ("vpc DescribeVSwitchAttributes", get_switch),
    ("vpc ModifyVSwitchAttribute", update_switch),
    ("vpc DeleteVSwitch", delete_switch),
    ("vpc TagResources", tag),
    ("vpc (?:UnTag|Untag)Resources", untag),
]
