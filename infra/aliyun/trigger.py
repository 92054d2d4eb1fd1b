"""The function's address: an HTTP trigger, open at the gateway since the app asks everyone for a token itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_alicloud import fc

from infra.aliyun.names import HTTP_TRIGGER

METHODS = ("GET", "POST", "DELETE")


@dataclass(frozen=True, kw_only=True)
class HttpArgs:
    """function, qualifier: its name and the alias that is called."""

    function: pulumi.Input[str]
    qualifier: pulumi.Input[str]


class Http(pulumi.ComponentResource):
    """`url` is the address that Alibaba Cloud gives the function."""

    def __init__(self, name: str, args: HttpArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Http", name, None, opts)
        trigger = fc.V3Trigger(
            name,
            function_name=args.function,
            qualifier=args.qualifier,
            trigger_name=HTTP_TRIGGER,
            trigger_type="http",
            trigger_config=json.dumps({"authType": "anonymous", "disableURLInternet": False, "methods": METHODS}),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.url: pulumi.Output[str] = trigger.http_trigger.url_internet.apply(lambda url: (url or "").rstrip("/"))
        self.register_outputs({"url": self.url})
