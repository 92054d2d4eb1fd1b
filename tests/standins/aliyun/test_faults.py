"""Faults strike the calls they are meant for, before or after the change."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.standins.aliyun.faults import Fault, throttled
from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller, function

CREATE = "fc POST /2023-03-30/functions"
_BROKEN = (http.client.RemoteDisconnected, ConnectionError)


@pytest.mark.parametrize(("code", "throttles"), [("Throttling.User", True), ("ResourceThrottled", False)])
def test_throttled_calls_are_429_with_the_code_that_is_asked_for(
    aliyun: Server, caller: Caller, code: str, throttles: bool
) -> None:
    aliyun.faults.add(throttled(CREATE, times=2, code=code))
    answers = [caller.fc("POST", "/functions", function()) for _ in range(3)]

    assert [one.status for one in answers] == [429, 429, 200]
    assert answers[0].code == code
    assert ("Throttling" in code) == throttles


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_comes_so_many_times_and_changes_nothing(aliyun: Server, caller: Caller, status: int) -> None:
    aliyun.faults.add(Fault("fail", CREATE, times=2, status=status))

    assert [caller.fc("POST", "/functions", function()).status for _ in range(2)] == [status] * 2
    assert not aliyun.state.functions
    assert caller.fc("POST", "/functions", function()).status == 200


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_dropped_before_or_after_the_change(aliyun: Server, caller: Caller, after: bool) -> None:
    aliyun.faults.add(Fault("drop", CREATE, after=after))
    with pytest.raises(_BROKEN):
        caller.fc("POST", "/functions", function())

    assert bool(aliyun.state.functions) == after


def test_a_late_answer_takes_its_time(aliyun: Server, caller: Caller) -> None:
    aliyun.faults.add(Fault("late", CREATE, seconds=0.2))
    began = time.monotonic()

    assert caller.fc("POST", "/functions", function()).status == 200
    assert time.monotonic() - began >= 0.2


def test_a_fault_can_let_calls_go_by_first(aliyun: Server, caller: Caller) -> None:
    aliyun.faults.add(Fault("fail", "fc GET .*", skip=1))

    assert [caller.fc("GET", "/functions/none").status for _ in range(3)] == [404, 503, 404]


@pytest.mark.parametrize("after", [False, True])
def test_a_cut_calls_back_and_drops_every_call_until_it_is_healed(aliyun: Server, caller: Caller, after: bool) -> None:
    called: list[int] = []
    aliyun.faults.cut(2, after, lambda: called.append(len(aliyun.state.functions)))
    caller.fc("GET", "/functions/none")
    assert not aliyun.faults.is_cut
    for _ in range(2):
        with pytest.raises(_BROKEN):
            caller.fc("POST", "/functions", function())

    assert called == [int(after)]
    assert aliyun.faults.is_cut
    aliyun.faults.heal()
    assert caller.fc("GET", "/functions/memory").status == (200 if after else 404)
