"""`logs`: the last lines, filtered, without secrets; and new ones."""

from __future__ import annotations

import json

import pytest

from infra.aliyun.api.logs import LogStore
from tests.support.aliyun_cloud import FUNCTION, Cloud
from tests.support.aliyun_stack import NOW_S, SECRET_URL, Drive, Stack

NOW = int(NOW_S)


def test_the_last_lines_come_oldest_first_and_records_of_metrics_are_left_out(
    stack: Stack, cloud: Cloud, drive: Drive
) -> None:
    for number in range(5):
        cloud.log(NOW - 50 + number, f"line {number}\n")
    cloud.log(NOW - 10, durationMs="12")

    ran = drive("logs", "--lines", "4")

    assert ran.status == 0
    assert ran.out.splitlines()[-1] == f"2027-01-15T07:59:14Z {FUNCTION} line 4"
    assert [line.rpartition(" ")[2] for line in ran.out.splitlines()] == ["2", "3", "4"]


def test_lines_are_filtered_by_text_by_query_and_by_request(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(NOW - 3, "started", requestId="1-65a7-a")
    cloud.log(NOW - 2, "search of 12 ms", requestId="1-65a7-b")
    cloud.log(NOW - 1, "search of 9 ms", requestId="1-65a7-c")

    assert drive("logs", "--grep", "search").out.count("\n") == 2
    assert "started" in drive("logs", "--request-id", "1-65a7-a").out
    drive("logs", "--query", "message: search", "--request-id", "1-65a7-b")
    assert cloud.asked[-1][3]["query"] == '(message: search) and "1-65a7-b"'


def test_what_is_no_request_id_is_wrong_usage(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    assert drive("logs", "--request-id", '1" or "2').status == 2


def test_only_so_far_back_is_asked_for(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    drive("logs", "--since", "30m")

    assert cloud.asked[-1][3]["from"] == str(NOW - 1800)


def test_secrets_and_control_characters_are_not_shown(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(NOW - 1, f"connecting to {SECRET_URL} \x1b[31mred")

    assert drive("logs").out.endswith("connecting to *** red\n")


def test_no_line_is_shown_when_the_stacks_secrets_cannot_be_read(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(NOW - 1, f"connecting to {SECRET_URL}")
    stack.hide_secrets()

    ran = drive("logs")

    assert (ran.status, ran.out) == (1, "")
    assert "pulumi config --show-secrets failed: error: incorrect passphrase" in ran.err


def test_lines_for_machines_have_function_instance_and_request(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(NOW - 1, "line", requestId="1-a", instanceID="c-1")

    assert json.loads(drive("logs", "--json").out) == {
        "time": "2027-01-15T07:59:59Z",
        "function": FUNCTION,
        "instance": "c-1",
        "request": "1-a",
        "message": "line",
    }


def test_following_shows_new_lines_until_ctrl_c(
    stack: Stack, cloud: Cloud, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.log(NOW - 1, "first")
    follow = LogStore.follow

    def until_interrupted(store: LogStore, since_s: float, query: str = "") -> object:
        for record in follow(store, since_s, query):
            yield record
            raise KeyboardInterrupt

    monkeypatch.setattr(LogStore, "follow", until_interrupted)
    ran = drive("logs", "--follow")

    assert (ran.status, ran.out.endswith(" first\n")) == (0, True)


def test_a_log_store_that_is_gone_is_told(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.faults = [(404, {"errorCode": "ProjectNotExist", "errorMessage": "no such project"})]
    ran = drive("logs")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "404 ProjectNotExist: no such project" in ran.err
