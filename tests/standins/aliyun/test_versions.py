"""Versions are copies of the function at the time; aliases share requests out among them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.aliyun import Caller, function

LIVE = "/functions/memory/aliases/live"


@pytest.fixture
def released(caller: Caller) -> Caller:
    """A function with two versions and an alias of the first."""
    caller.fc("POST", "/functions", function())
    caller.fc("POST", "/functions/memory/versions", {"description": "one"})
    caller.fc("PUT", "/functions/memory", {"memorySize": 4096})
    caller.fc("POST", "/functions/memory/versions", {"description": "two"})
    caller.fc("POST", "/functions/memory/aliases", {"aliasName": "live", "versionId": "1", "description": "d"})
    return caller


def test_a_version_stays_as_the_function_was(released: Caller) -> None:
    read = {number: released.fc("GET", f"/functions/memory?qualifier={number}").body for number in ("1", "2", "live")}

    assert [read[number]["memorySize"] for number in ("1", "2", "live")] == [2048, 4096, 2048]
    assert read["1"]["description"] == "one"


def test_an_alias_gives_a_share_to_a_second_version_and_takes_it_back(released: Caller) -> None:
    canary = released.fc("PUT", LIVE, {"versionId": "1", "additionalVersionWeight": {"2": 0.1}})
    promoted = released.fc("PUT", LIVE, {"versionId": "2", "additionalVersionWeight": {}})

    assert canary.body["additionalVersionWeight"] == {"2": 0.1}
    assert (promoted.body["versionId"], promoted.body["additionalVersionWeight"]) == ("2", {})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"versionId": "9"}, "VersionNotFound"),
        ({"additionalVersionWeight": {"9": 0.1}}, "VersionNotFound"),
        ({"additionalVersionWeight": {"2": 10}}, "InvalidArgument"),
        ({"additionalVersionWeight": {"1": 0.1, "2": 0.1}}, "InvalidArgument"),
    ],
    ids=str,
)
def test_a_wrong_share_is_refused(released: Caller, body: dict[str, Any], code: str) -> None:
    assert released.fc("PUT", LIVE, body).code == code


def test_a_version_that_an_alias_needs_is_not_deleted(released: Caller) -> None:
    assert released.fc("DELETE", "/functions/memory/versions/1").code == "PreconditionFailed"
    assert released.fc("DELETE", "/functions/memory/versions/2").status == 204
    assert released.fc("GET", "/functions/memory?qualifier=2").code == "VersionNotFound"


def test_numbers_of_versions_are_not_used_again(released: Caller) -> None:
    released.fc("DELETE", "/functions/memory/versions/2")

    assert released.fc("POST", "/functions/memory/versions", {"description": "three"}).body["versionId"] == "3"


def test_a_second_alias_of_a_name_is_refused(released: Caller) -> None:
    answer = released.fc("POST", "/functions/memory/aliases", {"aliasName": "live", "versionId": "2"})

    assert (answer.status, answer.code) == (409, "AliasAlreadyExists")


def test_a_deleted_alias_is_gone(released: Caller) -> None:
    assert released.fc("DELETE", LIVE).status == 204
    assert released.fc("GET", LIVE).code == "AliasNotFound"


def test_versions_are_listed_the_newest_first_unless_asked_otherwise(released: Caller) -> None:
    listed = [released.fc("GET", f"/functions/memory/versions{query}").body for query in ("", "?direction=FORWARD")]

    assert [[one["description"] for one in answer["versions"]] for answer in listed] == [["two", "one"], ["one", "two"]]
