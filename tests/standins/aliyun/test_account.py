"""What a client asks before anything else."""

from __future__ import annotations

import pytest

from tests.support.aliyun import Caller


@pytest.mark.parametrize(
    ("code", "host"),
    [
        ("sls", "cn-hangzhou.log.aliyuncs.com"),
        ("fc", "1234567890123456.cn-hangzhou.fc.aliyuncs.com"),
        ("oss", "oss-cn-hangzhou.aliyuncs.com"),
        ("vpc", "vpc.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_the_location_service_knows_where_a_product_is(caller: Caller, code: str, host: str) -> None:
    answer = caller.send(
        "GET", "location.aliyuncs.com", f"/?Action=DescribeEndpoints&ServiceCode={code}&Id=cn-hangzhou"
    )

    [endpoint] = answer.body["Endpoints"]["Endpoint"]
    assert (endpoint["Endpoint"], endpoint["Type"]) == (host, "openAPI")


def test_billing_answers_an_account_of_the_mainland(caller: Caller) -> None:
    answer = caller.send("POST", "business.aliyuncs.com", "/?Action=QueryAvailableInstances")

    assert (answer.status, answer.body["Code"]) == (200, "Success")
