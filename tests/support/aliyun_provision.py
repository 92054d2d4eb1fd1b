"""Asks the stand-in of Alibaba Cloud's APIs about provisioned instances, with the client of the project."""

from __future__ import annotations

from infra.aliyun.api.access import find_keys
from infra.aliyun.api.provision import Provision
from infra.aliyun.api.transport import Transport
from tests.standins.aliyun.server import Server

REGION = "cn-hangzhou"


def provision(server: Server, function: str = "memory", qualifier: str = "live") -> Provision:
    keys = find_keys()
    assert keys is not None
    return Provision(
        keys=keys,
        region=REGION,
        account_id=server.state.account,
        function=function,
        qualifier=qualifier,
        transport=Transport(sleep=lambda seconds: None),
    )
