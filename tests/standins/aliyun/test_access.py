"""Roles, policies and attachments."""

from __future__ import annotations

import pytest

from tests.support.aliyun import Caller

TRUST = '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow"}],"Version":"1"}'
ALLOW = '{"Statement":[{"Action":["log:PostLogStoreLogs"],"Effect":"Allow","Resource":["*"]}],"Version":"1"}'


@pytest.fixture
def granted(caller: Caller) -> Caller:
    """A role with a policy."""
    caller.rpc("ram", "CreateRole", RoleName="fc", AssumeRolePolicyDocument=TRUST)
    caller.rpc("ram", "CreatePolicy", PolicyName="logs", PolicyDocument=ALLOW)
    caller.rpc("ram", "AttachPolicyToRole", RoleName="fc", PolicyName="logs", PolicyType="Custom")
    return caller


def test_a_role_is_answered_with_its_address(granted: Caller) -> None:
    role = granted.rpc("ram", "GetRole", RoleName="fc").body["Role"]

    assert (role["Arn"], role["AssumeRolePolicyDocument"]) == ("acs:ram::1234567890123456:role/fc", TRUST)


def test_a_policy_is_answered_with_its_document_and_counts_attachments(granted: Caller) -> None:
    found = granted.rpc("ram", "GetPolicy", PolicyName="logs", PolicyType="Custom").body
    attached = granted.rpc("ram", "ListPoliciesForRole", RoleName="fc").body["Policies"]["Policy"]

    assert found["DefaultPolicyVersion"]["PolicyDocument"] == ALLOW
    assert found["Policy"]["AttachmentCount"] == 1
    assert attached == [{"PolicyName": "logs", "PolicyType": "Custom", "Description": ""}]


def test_what_is_there_is_not_made_again(granted: Caller) -> None:
    answers = [
        granted.rpc("ram", "CreateRole", RoleName="fc", AssumeRolePolicyDocument=TRUST),
        granted.rpc("ram", "CreatePolicy", PolicyName="logs", PolicyDocument=ALLOW),
        granted.rpc("ram", "AttachPolicyToRole", RoleName="fc", PolicyName="logs", PolicyType="Custom"),
    ]

    assert [one.status for one in answers] == [409] * 3
    assert [one.code.partition(".")[0] for one in answers] == ["EntityAlreadyExists"] * 3


def test_what_something_hangs_on_is_not_deleted(granted: Caller) -> None:
    assert granted.rpc("ram", "DeleteRole", RoleName="fc").code == "DeleteConflict.Role.Policy"
    assert granted.rpc("ram", "DeletePolicy", PolicyName="logs").code == "DeleteConflict.Policy.Role"
    granted.rpc("ram", "DetachPolicyFromRole", RoleName="fc", PolicyName="logs", PolicyType="Custom")
    assert granted.rpc("ram", "DeleteRole", RoleName="fc").status == 200
    assert granted.rpc("ram", "DeletePolicy", PolicyName="logs").status == 200


def test_a_changed_policy_is_a_version_and_five_are_kept(granted: Caller) -> None:
    later = ALLOW.replace("*", "acs:log:*")
    rotate = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
    for _ in range(6):
        answer = granted.rpc(
            "ram", "CreatePolicyVersion", PolicyName="logs", PolicyDocument=later, SetAsDefault="true",
            RotateStrategy=rotate,
        )  # fmt: skip
        assert answer.status == 200

    versions = granted.rpc("ram", "ListPolicyVersions", PolicyName="logs").body["PolicyVersions"]["PolicyVersion"]
    assert [one["VersionId"] for one in versions] == ["v3", "v4", "v5", "v6", "v7"]
    assert granted.rpc("ram", "GetPolicy", PolicyName="logs").body["DefaultPolicyVersion"]["PolicyDocument"] == later


@pytest.mark.parametrize("document", ["{}", "not JSON", '{"Version":"2"}'])
def test_a_wrong_document_is_refused(caller: Caller, document: str) -> None:
    answer = caller.rpc("ram", "CreatePolicy", PolicyName="logs", PolicyDocument=document)

    assert (answer.status, answer.code) == (400, "MalformedPolicyDocument")


def test_tags_are_set_and_removed(granted: Caller) -> None:
    names = {"ResourceType": "role", "ResourceNames": '["fc"]'}
    granted.rpc("ram", "TagResources", **names, Tag_1_Key="app", Tag_1_Value="memory")
    tagged = granted.rpc("ram", "ListTagResources", **names).body["TagResources"]["TagResource"]
    granted.rpc("ram", "UntagResources", **names, TagKey_1="app")

    assert tagged == [{"ResourceName": "fc", "TagKey": "app", "TagValue": "memory"}]
    assert granted.rpc("ram", "ListTagResources", **names).body["TagResources"]["TagResource"] == []
