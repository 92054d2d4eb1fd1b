"""An action is asked for with a signed GET."""

from __future__ import annotations

import pytest

from infra.aliyun.api.actions import Api
from infra.aliyun.api.errors import NotFound
from infra.aliyun.api.transport import Transport
from tests.support.aliyun_cloud import FC_HOST, FUNCTION, KEYS, Cloud


def api(transport: Transport) -> Api:
    return Api(keys=KEYS, host=FC_HOST, version="2023-03-30", transport=transport)


def test_path_and_query_are_signed(cloud: Cloud, transport: Transport) -> None:
    found = api(transport).get("GetFunction", f"/2023-03-30/functions/{FUNCTION}", {"a": "1 2", "b": ""})

    assert found["functionName"] == FUNCTION
    assert cloud.asked[-1][3] == {"a": "1 2", "b": ""}


def test_an_error_names_the_action_and_what_it_is_about(cloud: Cloud, transport: Transport) -> None:
    with pytest.raises(NotFound, match="GetFunction of other: 404"):
        api(transport).get("GetFunction", "/2023-03-30/functions/other", of="other")
