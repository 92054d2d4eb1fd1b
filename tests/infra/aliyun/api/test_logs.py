"""Records of the log store: the newest ones in order, page by page, and new ones as they come."""

from __future__ import annotations

from itertools import islice

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import NoConnection, Unfinished
from infra.aliyun.api.logs import LogStore, Record
from infra.aliyun.api.transport import Transport
from tests.support.aliyun_cloud import KEYS, PROJECT, REGION, STORE, Cloud

NOW_S = 1_800_000_000


def store(transport: Transport, keys: Keys = KEYS, sleep: object = None) -> LogStore:
    return LogStore(
        keys=keys,
        region=REGION,
        project=PROJECT,
        store=STORE,
        transport=transport,
        now=lambda: NOW_S,
        sleep=sleep or (lambda seconds: None),  # type: ignore[arg-type]
    )


def test_the_newest_records_come_oldest_first_over_several_pages(cloud: Cloud, transport: Transport) -> None:
    for number in range(260):
        cloud.log(NOW_S - 300 + number, f"line {number}")

    found = store(transport).latest(NOW_S - 600, 250)

    assert [record.message for record in found] == [f"line {number}" for number in range(10, 260)]
    assert [one[3]["offset"] for one in cloud.asked] == ["0", "100", "200"]


def test_only_records_since_a_moment_and_of_a_query_are_asked_for(cloud: Cloud, transport: Transport) -> None:
    cloud.log(NOW_S - 100, "old 1-abc")
    cloud.log(NOW_S - 10, "new 1-abc", requestId="1-abc")
    cloud.log(NOW_S - 9, "other")

    assert [one.message for one in store(transport).latest(NOW_S - 50, 10, '"1-abc"')] == ["new 1-abc"]


def test_a_query_that_is_not_complete_is_asked_again(cloud: Cloud, transport: Transport) -> None:
    cloud.log(NOW_S - 1, "line")
    answers = iter(["Incomplete", "Complete"])
    answer = cloud._logs
    cloud._logs = lambda query: (*answer(query)[:2], {"x-log-progress": next(answers)})  # type: ignore[method-assign]

    waits: list[float] = []

    assert len(store(transport, sleep=waits.append).latest(NOW_S - 50, 10)) == 1
    assert (len(cloud.asked), len(waits)) == (2, 1)
    assert waits[0] > 0


def test_a_query_that_is_never_complete_is_an_error(cloud: Cloud, transport: Transport) -> None:
    cloud.log(NOW_S - 1, "line")
    answer = cloud._logs
    cloud._logs = lambda query: (*answer(query)[:2], {"x-log-progress": "Incomplete"})  # type: ignore[method-assign]
    waits: list[float] = []

    with pytest.raises(Unfinished, match="did not finish the query in 5 tries; ask for less"):
        store(transport, sleep=waits.append).latest(NOW_S - 50, 10)
    assert (len(cloud.asked), len(waits)) == (5, 4)


def test_new_records_are_followed_each_once(cloud: Cloud, transport: Transport) -> None:
    cloud.log(NOW_S - 5, "first")

    def later(seconds: float) -> None:
        cloud.log(NOW_S - 4, f"after {len(cloud.records)}")

    found = store(transport, sleep=later).follow(NOW_S - 60)

    assert [record.message for record in islice(found, 3)] == ["first", "after 1", "after 2"]


def test_the_token_of_temporary_keys_is_signed_too(cloud: Cloud, transport: Transport) -> None:
    cloud.keys = Keys(id=KEYS.id, secret=KEYS.secret, token="made-up-token")

    assert store(transport, cloud.keys).latest(NOW_S - 50, 10) == []


def test_an_answer_that_is_no_list_is_an_error(cloud: Cloud, transport: Transport) -> None:
    cloud.faults = [(200, {"logstoreName": STORE})]

    with pytest.raises(NoConnection, match="no list of records"):
        store(transport).latest(NOW_S - 50, 10)


def test_a_field_is_found_whatever_its_capitals() -> None:
    record = Record(1, {"requestID": "1-abc", "message": "text\n"})

    assert (record.get("requestid"), record.message, record.get("other")) == ("1-abc", "text", "")
