"""A name of your own for the function, with its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_alicloud import fc

from infra.aliyun.config import Domain as DomainConfig
from infra.aliyun.trigger import METHODS


@dataclass(frozen=True, kw_only=True)
class DomainArgs:
    """host: to which the name has to lead. certificate_key: a secret."""

    options: DomainConfig
    certificate_key: pulumi.Input[str]
    certificate_name: str
    function: pulumi.Input[str]
    qualifier: pulumi.Input[str]
    host: str


class Domain(pulumi.ComponentResource):
    """`records` are the DNS records to set. They have to be there first: Alibaba Cloud looks before it takes a name."""

    def __init__(self, name: str, args: DomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Domain", name, None, opts)
        fc.V3CustomDomain(
            name,
            custom_domain_name=args.options.name,
            protocol="HTTPS",
            cert_config=fc.V3CustomDomainCertConfigArgs(
                cert_name=args.certificate_name,
                certificate=args.options.certificate,
                private_key=pulumi.Output.secret(args.certificate_key),
            ),
            route_config=fc.V3CustomDomainRouteConfigArgs(
                routes=[
                    fc.V3CustomDomainRouteConfigRouteArgs(
                        path="/*", function_name=args.function, qualifier=args.qualifier, methods=list(METHODS)
                    )
                ]
            ),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.records = [record(args.options.name, args.host)]
        self.register_outputs({})


def host(region: str, account_id: str) -> str:
    """Return where names of one's own lead to in a region."""
    return f"{account_id}.{region}.fc.aliyuncs.com"


def record(name: str, target: str) -> Mapping[str, str]:
    """Return the DNS record of a name."""
    return {"type": "CNAME", "name": name, "value": target}
