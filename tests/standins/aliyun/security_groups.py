"""ECS: security groups and their rules."""

from __future__ import annotations

import itertools
import re

from tests.standins.aliyun import networks
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_ENDS = ("CidrIp", "GroupId", "GroupOwnerAccount", "GroupOwnerId", "PrefixListId")


def _found(state: State, request: Request) -> Json:
    id_ = request.parameter("SecurityGroupId")
    if id_ not in state.security_groups:
        raise Refused(404, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId does not exist.")
    return state.security_groups[id_]


def create(state: State, request: Request) -> Reply:
    id_ = state.id("sg")
    given = request.parameters
    networks.vpc(state, request.parameter("VpcId"))
    shown = {
        "SecurityGroupId": id_,
        "SecurityGroupName": given.get("SecurityGroupName", ""),
        "Description": given.get("Description", ""),
        "SecurityGroupType": given.get("SecurityGroupType", "normal"),
        "VpcId": given["VpcId"],
        "CreationTime": state.time(),
        "ResourceGroupId": given.get("ResourceGroupId", ""),
        "ServiceManaged": False,
    }
    state.security_groups[id_] = {"shown": shown, "rules": [], "inner": "Accept", "tags": request.tags()}
    return Reply({"SecurityGroupId": id_})


def listed(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("SecurityGroupId") or request.parameters.get("SecurityGroupIds", "")
    groups = [
        one["shown"] | {"Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in one["tags"].items()]}}
        for id_, one in state.security_groups.items()
        if (not wanted or id_ in wanted) and _fits(one["shown"], request)
    ]
    body = {"SecurityGroups": {"SecurityGroup": groups}, "TotalCount": len(groups), "PageNumber": 1, "PageSize": 50}
    return Reply(body | {"RegionId": state.region})


def _fits(shown: Json, request: Request) -> bool:
    """Whether a group has the name and the network that a request asks for, if it does."""
    given = request.parameters
    return all(given.get(name, "") in ("", shown[name]) for name in ("SecurityGroupName", "VpcId"))


def get(state: State, request: Request) -> Reply:
    one = _found(state, request)
    direction = request.parameters.get("Direction", "all")
    rules = [rule for rule in one["rules"] if direction in ("all", "", rule["Direction"])]
    body = {name: one["shown"][name] for name in ("SecurityGroupId", "SecurityGroupName", "VpcId", "Description")}
    return Reply(
        body | {"RegionId": state.region, "InnerAccessPolicy": one["inner"]} | {"Permissions": {"Permission": rules}}
    )


def update(state: State, request: Request) -> Reply:
    shown = _found(state, request)["shown"]
    names = ("SecurityGroupName", "Description")
    shown |= {name: request.parameters[name] for name in names if name in request.parameters}
    return Reply({})


def set_inner(state: State, request: Request) -> Reply:
    _found(state, request)["inner"] = request.parameter("InnerAccessPolicy")
    return Reply({})


def delete(state: State, request: Request) -> Reply:
    id_ = _found(state, request)["shown"]["SecurityGroupId"]
    if any(one["shown"]["vpcConfig"]["securityGroupId"] == id_ for one in state.functions.values()):
        raise Refused(403, "DependencyViolation", "There is still instance(s) in the specified security group.")
    del state.security_groups[id_]
    return Reply({})


def _sent(request: Request, direction: str) -> list[Json]:
    """Return the rules of a request, as the API answers them."""
    given = request.parameters
    rules: list[Json] = []
    for number in itertools.count(1):
        prefix = f"Permissions.{number}."
        if f"{prefix}IpProtocol" not in given and not (number == 1 and "IpProtocol" in given):
            return rules
        prefix = prefix if f"{prefix}IpProtocol" in given else ""
        rules.append(_rule(given, prefix, direction))
    raise AssertionError


def _rule(given: dict[str, str], prefix: str, direction: str) -> Json:
    ports = given.get(f"{prefix}PortRange", "")
    if not re.fullmatch(r"-1/-1|\d+/\d+", ports):
        raise Refused(400, "InvalidPortRange.Malformed", f"The port range is not valid: {ports}")
    ends = ("Source", "Dest") if direction == "ingress" else ("Dest", "Source")
    found = {f"{ends[0]}{name}": given.get(f"{prefix}{ends[0]}{name}", "") for name in _ENDS}
    if not any(found.values()) and not given.get(f"{prefix}Ipv6{ends[0]}CidrIp"):
        raise Refused(400, "MissingParameter", "A rule needs a block, a group or a list.")
    return found | {
        **{f"{ends[1]}{name}": "" for name in _ENDS},
        f"Ipv6{ends[0]}CidrIp": given.get(f"{prefix}Ipv6{ends[0]}CidrIp", ""),
        "IpProtocol": given[f"{prefix}IpProtocol"].upper(),
        "PortRange": ports,
        "NicType": given.get(f"{prefix}NicType", "intranet"),
        "Policy": given.get(f"{prefix}Policy", "accept").capitalize(),
        "Priority": given.get(f"{prefix}Priority", "1"),
        "Description": given.get(f"{prefix}Description", ""),
        "Direction": direction,
    }


def _key(rule: Json) -> Json:
    return {name: value for name, value in rule.items() if name not in ("Description", "SecurityGroupRuleId")}


def authorize(state: State, request: Request, egress: str) -> Reply:
    """Add rules; one that is there already stays as it is."""
    rules = _found(state, request)["rules"]
    for rule in _sent(request, "egress" if egress else "ingress"):
        if not any(_key(one) == _key(rule) for one in rules):
            rules.append(rule | {"SecurityGroupRuleId": state.id("sgr")})
    return Reply({})


def revoke(state: State, request: Request, egress: str) -> Reply:
    rules = _found(state, request)["rules"]
    for rule in _sent(request, "egress" if egress else "ingress"):
        rules[:] = [one for one in rules if _key(one) != _key(rule)]
    return Reply({})


def tag(state: State, request: Request) -> Reply:
    for id_ in request.numbered("ResourceId"):
        state.security_groups[id_]["tags"] |= request.tags()
    return Reply({})


def untag(state: State, request: Request) -> Reply:
    for id_ in request.numbered("ResourceId"):
        for key in request.numbered("TagKey"):
            state.security_groups[id_]["tags"].pop(key, None)
    return Reply({})


ROUTES = [
    ("ecs CreateSecurityGroup", create),
    ("ecs DescribeSecurityGroups", listed),
    ("ecs DescribeSecurityGroupAttribute", get),
    ("ecs ModifySecurityGroupAttribute", update),
    ("ecs ModifySecurityGroupPolicy", set_inner),
    ("ecs DeleteSecurityGroup", delete),
    ("ecs AuthorizeSecurityGroup(Egress)?", authorize),
    ("ecs RevokeSecurityGroup(Egress)?", revoke),
    ("ecs TagResources", tag),
    ("ecs UntagResources", untag),
]
