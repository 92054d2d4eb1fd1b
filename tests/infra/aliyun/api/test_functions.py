"""What Function Compute has stored of a function is read with signed calls."""

from __future__ import annotations

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import NotAllowed, NotFound
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.transport import Transport
from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller
from tests.support.aliyun_cloud import ACCOUNT, FUNCTION, KEYS, REGION, Cloud


def reading(transport: Transport, keys: Keys = KEYS) -> Functions:
    return Functions(keys=keys, region=REGION, account_id=ACCOUNT, transport=transport)


def test_a_function_and_its_triggers_are_read(cloud: Cloud, transport: Transport) -> None:
    asked = reading(transport)

    assert asked.get(FUNCTION, "live")["sessionAffinity"] == "MCP_SSE"
    assert [one["triggerType"] for one in asked.triggers(FUNCTION)] == ["http"]


def test_a_function_that_is_not_there_is_named(cloud: Cloud, transport: Transport) -> None:
    with pytest.raises(NotFound, match="GetFunction of other: 404 FunctionNotFound"):
        reading(transport).get("other", "live")


def test_a_function_is_read_as_its_alias_has_it(functions: Server) -> None:
    Caller(functions).fc("PUT", "/functions/memory", {"memorySize": 4096, "cpu": 2})
    keys = Keys(id=functions.key, secret=KEYS.secret)
    asked = Functions(keys=keys, region=REGION, account_id=ACCOUNT, transport=Transport())

    assert asked.get("memory", "LATEST")["memorySize"] == 4096
    assert asked.get("memory", "live")["memorySize"] != 4096
    with pytest.raises(NotFound, match="VersionNotFound"):
        asked.get("memory", "dead")


def test_a_wrong_key_says_what_to_check(cloud: Cloud, transport: Transport) -> None:
    with pytest.raises(NotAllowed, match="check the access key, this machine's clock"):
        reading(transport, Keys(id=KEYS.id, secret="other")).get(FUNCTION, "live")


def test_the_token_of_temporary_keys_is_signed_too(cloud: Cloud, transport: Transport) -> None:
    cloud.keys = Keys(id=KEYS.id, secret=KEYS.secret, token="made-up-token")

    assert reading(transport, cloud.keys).get(FUNCTION, "live")


def test_versions_of_a_function_and_of_a_layer_are_listed_the_newest_first(functions: Server) -> None:
    caller = Caller(functions)
    caller.fc("POST", "/functions/memory/versions", {"description": "2"})
    code = {"ossBucketName": "code", "ossObjectName": "code.zip"}
    for _ in range(2):
        caller.fc("POST", "/layers/own/versions", {"code": code, "compatibleRuntime": ["custom.debian12"]})
    keys = Keys(id=functions.key, secret=KEYS.secret)
    asked = Functions(keys=keys, region=REGION, account_id=ACCOUNT, transport=Transport())

    assert [one["description"] for one in asked.versions("memory")] == ["2", "1"]
    assert [one["version"] for one in asked.layer_versions("own")] == [2, 1]
    assert asked.layer_versions("other") == []
