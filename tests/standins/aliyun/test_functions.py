"""Functions: what the provider sends is taken, what the documentation forbids is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller, function

ARN = "acs:fc:cn-hangzhou:1234567890123456:functions/memory"
DOCUMENT = '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow"}],"Version":"1"}'


def test_a_function_is_made_read_changed_and_deleted(caller: Caller) -> None:
    made = caller.fc("POST", "/functions", function())
    read = caller.fc("GET", "/functions/memory")
    changed = caller.fc("PUT", "/functions/memory", {"memorySize": 4096, "runtime": "custom.debian12"})

    assert made.status == 200
    assert made.body == read.body
    assert read.body["functionArn"] == ARN
    assert read.body["sessionAffinityConfig"] == '{"sseEndpointPath":"/sse","sessionConcurrencyPerInstance":20}'
    assert (changed.body["memorySize"], changed.body["timeout"]) == (4096, 600)
    assert caller.fc("DELETE", "/functions/memory").status == 204
    assert caller.fc("GET", "/functions/memory").code == "FunctionNotFound"


def test_the_second_function_of_a_name_is_refused(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    answer = caller.fc("POST", "/functions", function())

    assert (answer.status, answer.code) == (409, "FunctionAlreadyExists")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"runtime": "custom.debian99"}, "runtime"),
        ({"instanceConcurrency": 201}, "instanceConcurrency"),
        ({"diskSize": 1024}, "diskSize"),
        ({"timeout": 86_401}, "timeout"),
        ({"environmentVariables": {"FC_RUNTIME": "x"}}, "FC_RUNTIME"),
        ({"environmentVariables": {"1ST": "x"}}, "1ST"),
        ({"environmentVariables": {"KEY": "ü"}}, "KEY"),
        ({"environmentVariables": {"KEY": "x" * 4094}}, "4 KB"),
        ({"layers": ["acs:fc:cn-beijing:official:layers/Python312/versions/1"]}, "region"),
        ({"role": "acs:ram::1234567890123456:role/none"}, "role"),
        ({"logConfig": {"project": "none", "logstore": "none"}}, "log store"),
        ({"vpcConfig": {"vpcId": "vpc-none"}}, "vpc-none"),
        ({"sessionAffinityConfig": '{"path":"/sse"}'}, "sessionAffinityConfig"),
        ({"sessionAffinityConfig": "/sse"}, "not JSON"),
        ({"code": {"ossBucketName": "code", "ossObjectName": "code.zip", "checksum": "1"}}, "checksum"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_is_not_allowed_is_refused_and_nothing_is_made(
    aliyun: Server, caller: Caller, more: dict[str, Any], said: str
) -> None:
    answer = caller.fc("POST", "/functions", function(**more))

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert said in answer.body["Message"]
    assert not aliyun.state.functions


def test_code_that_is_not_in_the_bucket_is_refused(caller: Caller) -> None:
    answer = caller.fc("POST", "/functions", function(code={"ossBucketName": "code", "ossObjectName": "none"}))

    assert (answer.status, answer.code) == (404, "NoSuchKey")


def test_an_update_that_is_refused_leaves_the_function_as_it_was(caller: Caller) -> None:
    before = caller.fc("POST", "/functions", function()).body
    refused = caller.fc("PUT", "/functions/memory", {"memorySize": 4096, "instanceConcurrency": 201})

    assert refused.status == 400
    assert caller.fc("GET", "/functions/memory").body == before


def test_tags_are_set_and_removed_by_the_name_in_the_whole_cloud(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    tag = [{"Key": "app", "Value": "memory"}]
    caller.fc("POST", "/tags-v2", {"ResourceId": [ARN], "ResourceType": "function", "Tag": tag})
    tagged = caller.fc("GET", "/functions/memory").body["tags"]
    caller.fc("DELETE", f'/tags-v2?ResourceType=function&ResourceId=["{ARN}"]&TagKey=["app"]')

    assert tagged == [{"key": "app", "value": "memory"}]
    assert caller.fc("GET", "/functions/memory").body["tags"] == []


def test_a_function_with_a_role_and_logs_needs_both_first(caller: Caller) -> None:
    caller.rpc("ram", "CreateRole", RoleName="fc", AssumeRolePolicyDocument=DOCUMENT)
    caller.log("POST", "/", {"projectName": "logs"})
    caller.log("POST", "/logstores", {"logstoreName": "functions"})
    log = {"project": "logs", "logstore": "functions", "enableRequestMetrics": True}
    made = caller.fc("POST", "/functions", function(role="acs:ram::1234567890123456:role/fc", logConfig=log))

    assert made.status == 200
    assert made.body["logConfig"] == {"enableInstanceMetrics": False, "logBeginRule": "None", **log}


def test_a_function_that_something_hangs_on_is_not_deleted(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    caller.fc("POST", "/functions/memory/versions", {"description": "1"})
    refused = caller.fc("DELETE", "/functions/memory")

    assert (refused.status, refused.code) == (412, "PreconditionFailed")
    assert "versions: 1" in refused.body["Message"]
