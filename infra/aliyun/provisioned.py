"""Provisioned instances of the alias: they always run, so that no client waits for a start."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.aliyun.config import Provisioned as ProvisionedConfig
from infra.aliyun.provider.provider import KEY_ID, KEY_SECRET, NAME, TYPE, actions_text


@dataclass(frozen=True, kw_only=True)
class ProvisionedArgs:
    """function, qualifier: its name and the alias. keys: the stack's own, if it has any."""

    options: ProvisionedConfig
    keys: tuple[str, str] | None
    region: str
    account_id: str
    function: pulumi.Input[str]
    qualifier: pulumi.Input[str]


class Provider(pulumi.ProviderResource):
    """The provider with keys of its own."""

    def __init__(self, name: str, keys: tuple[str, str] | None) -> None:
        given = {} if keys is None else dict(zip((KEY_ID, KEY_SECRET), map(pulumi.Output.secret, keys), strict=True))
        super().__init__(NAME, name, given)


class Provisioned(pulumi.CustomResource):
    """How many instances of an alias run, at which times."""

    def __init__(self, name: str, args: ProvisionedArgs) -> None:
        options = args.options
        actions = [
            {
                "name": action.name,
                "scheduleExpression": f"cron({action.at})",
                "target": action.instances,
                "timeZone": action.timezone,
            }
            for action in options.schedule
        ]
        inputs = {
            "region": args.region,
            "accountId": args.account_id,
            "function": args.function,
            "qualifier": args.qualifier,
            "target": options.instances,
            "allocateCpu": options.allocate_cpu,
            "actions": actions_text(actions),
        }
        super().__init__(TYPE, name, inputs, pulumi.ResourceOptions(provider=Provider(NAME, args.keys)))
