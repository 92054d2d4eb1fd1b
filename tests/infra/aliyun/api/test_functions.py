"""What Function Compute has stored of a function is read with signed calls."""

from __future__ import annotations

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import NotAllowed, NotFound
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.transport import Transport
from tests.support.aliyun_cloud import ACCOUNT, FUNCTION, KEYS, REGION, Cloud


def functions(transport: Transport, keys: Keys = KEYS) -> Functions:
    return Functions(keys=keys, region=REGION, account_id=ACCOUNT, transport=transport)


def test_a_function_and_its_triggers_are_read(cloud: Cloud, transport: Transport) -> None:
    asked = functions(transport)

    assert asked.get(FUNCTION)["sessionAffinity"] == "MCP_SSE"
    assert [one["triggerType"] for one in asked.triggers(FUNCTION)] == ["http"]


def test_a_function_that_is_not_there_is_named(cloud: Cloud, transport: Transport) -> None:
    with pytest.raises(NotFound, match="GetFunction of other: 404 FunctionNotFound"):
        functions(transport).get("other")


def test_a_wrong_key_says_what_to_check(cloud: Cloud, transport: Transport) -> None:
    with pytest.raises(NotAllowed, match="check the access key, this machine's clock"):
        functions(transport, Keys(id=KEYS.id, secret="other")).get(FUNCTION)


def test_the_token_of_temporary_keys_is_signed_too(cloud: Cloud, transport: Transport) -> None:
    cloud.keys = Keys(id=KEYS.id, secret=KEYS.secret, token="made-up-token")

    assert functions(transport, cloud.keys).get(FUNCTION)
