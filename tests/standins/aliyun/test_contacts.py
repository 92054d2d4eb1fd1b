"""Contacts and their groups."""

from __future__ import annotations

from tests.support.aliyun import Caller


def test_a_contact_is_told_of_only_after_it_agreed(caller: Caller) -> None:
    caller.rpc("cms", "PutContact", ContactName="ops", Describe="d", Channels_Mail="ops@example.org")
    [contact] = caller.rpc("cms", "DescribeContactList", ContactName="ops").body["Contacts"]["Contact"]

    assert (contact["Channels"], contact["ChannelsState"]) == ({"Mail": "ops@example.org"}, {"Mail": "PENDING"})


def test_a_group_needs_its_contacts(caller: Caller) -> None:
    missing = caller.rpc("cms", "PutContactGroup", ContactGroupName="operators", ContactNames_1="ops")
    caller.rpc("cms", "PutContact", ContactName="ops", Describe="d")
    made = caller.rpc("cms", "PutContactGroup", ContactGroupName="operators", ContactNames_1="ops")
    [group] = caller.rpc("cms", "DescribeContactGroupList").body["ContactGroupList"]["ContactGroup"]

    assert (missing.code, made.status) == ("ContactNotExists", 200)
    assert group["Contacts"] == {"Contact": ["ops"]}


def test_what_is_deleted_is_gone(caller: Caller) -> None:
    caller.rpc("cms", "PutContact", ContactName="ops", Describe="d")
    caller.rpc("cms", "PutContactGroup", ContactGroupName="operators", ContactNames_1="ops")
    caller.rpc("cms", "DeleteContact", ContactName="ops")
    [group] = caller.rpc("cms", "DescribeContactGroupList").body["ContactGroupList"]["ContactGroup"]

    assert group["Contacts"] == {"Contact": []}
    assert caller.rpc("cms", "DeleteContactGroup", ContactGroupName="operators").status == 200
    assert caller.rpc("cms", "DeleteContactGroup", ContactGroupName="operators").status == 404
