"""The role of the functions: it can write to their own log store, and join the stack's network if there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_alicloud import ram

_SERVICE = "fc.aliyuncs.com"
# What Function Compute does with a network interface in the stack's network, by its documentation.
_NETWORK_ACTIONS = (
    "ecs:CreateNetworkInterface",
    "ecs:DeleteNetworkInterface",
    "ecs:DescribeNetworkInterfaces",
    "ecs:CreateNetworkInterfacePermission",
    "ecs:DescribeNetworkInterfacePermissions",
    "ecs:DeleteNetworkInterfacePermission",
    "vpc:DescribeVSwitchAttributes",
)


@dataclass(frozen=True, kw_only=True)
class RoleArgs:
    """region, account_id: within which the role can do something. in_network: whether functions join a network."""

    role: str
    region: str
    account_id: str
    log_project: pulumi.Input[str]
    log_store: pulumi.Input[str]
    in_network: bool


class Role(pulumi.ComponentResource):
    """`arn` is the role's address; a function waits for `attachment`: without its policy the role can do nothing."""

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Role", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        role = ram.Role(
            name,
            role_name=args.role,
            description="Role of Claude Memory's functions.",
            assume_role_policy_document=_document([_assumed_by_functions()]),
            opts=inside,
        )
        where = pulumi.Output.all(args.log_project, args.log_store)
        policy = ram.Policy(
            name,
            policy_name=args.role,
            policy_document=where.apply(lambda found: _document(list(_statements(args, *found)))),
            opts=inside,
        )
        self.attachment = ram.RolePolicyAttachment(
            name,
            role_name=role.role_name,
            policy_name=policy.policy_name.apply(str),
            policy_type="Custom",
            opts=inside,
        )
        self.arn: pulumi.Output[str] = role.arn
        self.register_outputs({"arn": self.arn})


def _assumed_by_functions() -> dict[str, Any]:
    return {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": [_SERVICE]}}


def _statements(args: RoleArgs, project: str, store: str) -> list[dict[str, Any]]:
    here = f"{args.region}:{args.account_id}"
    found = [_allow(["log:PostLogStoreLogs"], [f"acs:log:{here}:project/{project}/logstore/{store}"])]
    if args.in_network:
        found.append(_allow(_NETWORK_ACTIONS, [f"acs:ecs:{here}:*", f"acs:vpc:{here}:vswitch/*"]))
    return found


def _allow(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Action": list(actions), "Effect": "Allow", "Resource": list(resources)}


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Statement": statements, "Version": "1"})
