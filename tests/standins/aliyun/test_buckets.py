"""Buckets and what is configured of them."""

from __future__ import annotations

import pytest

from tests.support.aliyun import Caller

RULES = "<LifecycleConfiguration><Rule><Prefix>code/</Prefix><Status>Enabled</Status></Rule></LifecycleConfiguration>"


def test_a_client_asks_for_the_list_whether_a_bucket_exists(caller: Caller) -> None:
    caller.oss("PUT", bucket="another", x_oss_acl="public-read")

    answer = caller.send("GET", "oss-cn-hangzhou.aliyuncs.com", "/?prefix=another&max-keys=1")
    assert "<Name>another</Name>" in answer.body
    assert "<Name>code</Name>" not in answer.body
    assert "<Grant>public-read</Grant>" in caller.oss("GET", "/?acl", bucket="another").body


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cors", "NoSuchCORSConfiguration"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("lifecycle", "NoSuchLifecycle"),
        ("policy", "NoSuchBucketPolicy"),
        ("encryption", "NoSuchServerSideEncryptionRule"),
        ("transferAcceleration", "NoSuchTransferAccelerationConfiguration"),
    ],
)
def test_what_was_never_configured_is_missing(caller: Caller, name: str, code: str) -> None:
    answer = caller.oss("GET", f"/?{name}")

    assert answer.status == 404
    assert f"<Code>{code}</Code>" in answer.body


@pytest.mark.parametrize("name", ["logging", "referer", "tagging", "resourceGroup", "versioning", "accessmonitor"])
def test_or_has_a_default(caller: Caller, name: str) -> None:
    assert caller.oss("GET", f"/?{name}").status == 200


def test_a_rule_for_expiry_gets_an_id(caller: Caller) -> None:
    caller.oss("PUT", "/?lifecycle", RULES.encode())

    assert "<ID>" in caller.oss("GET", "/?lifecycle").body
    assert caller.oss("DELETE", "/?lifecycle").status == 204
    assert caller.oss("GET", "/?lifecycle").status == 404


def test_a_bucket_tells_of_itself(caller: Caller) -> None:
    answer = caller.oss("GET", "/?bucketInfo")

    for part in ("<StorageClass>Standard", "<DataRedundancyType>LRS", "<Grant>private", "<Location>oss-cn-hangzhou"):
        assert part in answer.body


def test_a_bucket_that_holds_objects_is_not_deleted(caller: Caller) -> None:
    assert "<Code>BucketNotEmpty</Code>" in caller.oss("DELETE").body
    caller.oss("DELETE", "/code.zip")
    assert caller.oss("DELETE").status == 204
    assert "<Code>NoSuchBucket</Code>" in caller.oss("GET", "/?bucketInfo").body


def test_a_wrong_name_and_a_wrong_access_are_refused(caller: Caller) -> None:
    assert "<Code>InvalidBucketName</Code>" in caller.oss("PUT", bucket="a").body
    assert "<Code>InvalidArgument</Code>" in caller.oss("PUT", bucket="abc", x_oss_acl="open").body
