"""A private network in which functions reach the database: nothing from outside gets in."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_alicloud import ecs, fc, vpc

from infra.aliyun.config import Network as NetworkConfig


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """prefix: what the names of the network's parts begin with."""

    prefix: str
    options: NetworkConfig


class Network(pulumi.ComponentResource):
    """`config` is what a function takes; the security group has no rule that lets something in."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Network", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        options = args.options
        network = vpc.Network(name, vpc_name=args.prefix, cidr_block=options.cidr, opts=inside)
        switch = vpc.Switch(
            name,
            vswitch_name=args.prefix,
            vpc_id=network.id,
            cidr_block=options.switch_cidr,
            zone_id=options.zone,
            opts=inside,
        )
        group = ecs.SecurityGroup(
            name,
            security_group_name=args.prefix,
            description="Functions of Claude Memory; nothing gets in.",
            vpc_id=network.id,
            inner_access_policy="Drop",
            opts=inside,
        )
        self.vpc_id, self.switch_id = network.id, switch.id
        self.config = fc.V3FunctionVpcConfigArgs(vpc_id=network.id, vswitch_ids=[switch.id], security_group_id=group.id)
        self.register_outputs({"vpc_id": self.vpc_id})
