"""One issue for a stack that differs: opened, updated, closed."""

from __future__ import annotations

import json

import pytest

from ci.errors import CiError
from ci.github.api import Api
from ci.github.drift_issue import differences, report
from tests.standins.github.server import Fault, GitHub

URN = "urn:pulumi:render::claude-memory::render:index:WebService::web"
RUN = "https://github.example/ours/claude-memory/actions/runs/1"
LINES = ["`render:index:WebService web`: update (`plan`)"]


def preview(*steps: dict[str, object]) -> str:
    return json.dumps({"config": {}, "steps": [{"urn": URN, **step} for step in steps], "changeSummary": {}})


def test_only_what_would_change_is_listed_and_without_values() -> None:
    text = preview(
        {"op": "same"},
        {"op": "update", "diffReasons": ["plan"], "newState": {"inputs": {"plan": "a value"}}},
        {"op": "read"},
        {"op": "delete", "urn": URN.replace("web", "old")},
    )

    assert differences(text) == [*LINES, "`render:index:WebService old`: delete"]


@pytest.mark.parametrize("text", ["", "error: no stack named", '{"diagnostics": []}', "[]"])
def test_a_failed_preview_is_no_agreement(text: str) -> None:
    with pytest.raises(CiError, match="did not end with a list of steps"):
        differences(text)


def test_it_is_opened_updated_and_closed_and_there_is_only_one(hub: GitHub, api: Api) -> None:
    said = [
        report(api, "render", [], RUN),
        report(api, "render", LINES, RUN),
        report(api, "render", [*LINES, "`more`: create"], RUN),
        report(api, "render", [], RUN),
        report(api, "render", [], RUN),
    ]

    assert said == ["not needed", "opened", "updated", "closed", "not needed"]
    [issue] = hub.issues
    assert issue["state"] == "closed"
    assert "agrees with its program again" in issue["body"]


def test_a_second_drift_opens_a_new_one(hub: GitHub, api: Api) -> None:
    for found in (LINES, [], LINES):
        report(api, "render", found, RUN)

    assert [one["state"] for one in hub.issues] == ["closed", "open"]


def test_each_stack_has_its_own(hub: GitHub, api: Api) -> None:
    report(api, "render", LINES, RUN)
    report(api, "aliyun", LINES, RUN)
    report(api, "render", [], RUN)

    assert [(one["title"], one["state"]) for one in hub.issues] == [
        ("The stack render differs from its program", "closed"),
        ("The stack aliyun differs from its program", "open"),
    ]


def test_issues_of_others_and_pull_requests_are_left_alone(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc")
    hub.issue("drift?", "<!-- claude-memory: drift of render -->", login="stranger")
    for number in range(5):
        hub.issue("other", str(number))
    hub.page_size = 2

    assert report(api, "render", LINES, RUN) == "opened"
    assert report(api, "render", LINES, RUN) == "updated"


def test_an_answer_that_got_lost_opens_no_second_issue(hub: GitHub, api: Api) -> None:
    hub.faults = [Fault("POST", "issues", 502, after=True)]

    assert report(api, "render", LINES, RUN) == "updated"
    assert len(hub.issues) == 1


def test_a_long_list_is_cut(hub: GitHub, api: Api) -> None:
    report(api, "render", LINES * 500, RUN)

    assert "- and 300 more" in hub.issues[0]["body"]
