"""Sessions, the trigger, time-outs, memory and other failures."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.api.logs import Record
from infra.aliyun.doctor.asking import Answer, Answers
from infra.aliyun.doctor.evidence import Evidence
from infra.aliyun.doctor.rules import affinity, limits
from infra.finding import Finding, State
from tests.support.aliyun_cloud import function, trigger

WELL = Answers(Answer(200, 0.1), Answer(200, 0.1), "event: endpoint")


def by_what(findings: Any) -> dict[str, Finding]:
    return {one.what: one for one in findings}


def asked(stored: dict[str, Any] | None = None, triggers: Any = None, records: Any = ()) -> Evidence:
    return Evidence(WELL, stored or function(), [trigger()] if triggers is None else triggers, records)


def test_a_function_as_declared_is_in_order() -> None:
    assert [one.state for one in affinity(asked())] == [State.OK, State.OK]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sessionAffinity": "NONE"}, "the affinity is NONE"),
        ({"runtime": "python3.12"}, "the runtime is python3.12, built in"),
        ({"instanceConcurrency": 10}, "20 sessions an instance, and 10 requests at a time"),
    ],
)
def test_what_breaks_sessions_is_told(changed: dict[str, Any], told: str) -> None:
    failed = [one for one in affinity(asked(function(**changed))) if one.state is State.FAILED]

    assert [told in one.found for one in failed] == [True]


@pytest.mark.parametrize(
    ("triggers", "told"),
    [
        ([], "there is none"),
        ([trigger(methods=["GET"])], "does not let DELETE, POST through"),
        ([trigger(authType="function")], "asks for function at the gateway"),
        ([{"triggerType": "http", "triggerConfig": "not JSON"}], "does not let DELETE, GET, POST"),
    ],
)
def test_a_trigger_that_keeps_clients_away_is_told(triggers: list[Any], told: str) -> None:
    one = by_what(affinity(asked(triggers=triggers)))["HTTP trigger"]

    assert (one.state, told in one.found) == (State.FAILED, True)


def test_without_keys_they_are_skipped() -> None:
    assert [one.state for one in affinity(Evidence(WELL))] == [State.SKIPPED]
    assert [one.state for one in limits(Evidence(WELL))] == [State.SKIPPED]


def test_the_most_memory_of_a_request_is_told_against_the_limit() -> None:
    records = [Record(1, {"memoryUsageMB": "310.5"}), Record(2, {"memoryUsageMB": "1900"}), Record(3, {"message": "x"})]

    one = by_what(limits(asked(records=records)))["memory"]
    assert (one.state, one.found) == (State.WARNING, "at most 1900 MB of 2048 in 2 requests")
    assert by_what(limits(asked(records=records[:1])))["memory"].state is State.OK


def test_an_instance_that_ran_out_of_memory_failed() -> None:
    records = [Record(1, {"message": "Function instance exited unexpectedly(code 137, message:killed)"})]

    assert by_what(limits(asked(records=records)))["memory"].state is State.FAILED


def test_time_outs_are_told_with_the_limit_and_are_no_failure_of_streams() -> None:
    records = [Record(1, {"message": "Function time out after 600 seconds"})] * 2

    one = by_what(limits(asked(records=records)))["time-outs"]
    assert (one.state, one.found) == (State.WARNING, "2 requests took all their time; the function's limit is 600 s")
    assert "connects again" in one.remedy


def test_other_failures_are_told_with_their_last_line() -> None:
    records = [Record(1, {"message": "OSError: [Errno 28] No space left on device"})]

    assert "(1 times): OSError" in by_what(limits(asked(records=records)))["logs"].found


def test_logs_without_failures_are_in_order() -> None:
    found = by_what(limits(asked(records=[Record(1, {"message": "started"})])))

    assert [found[what].state for what in ("time-outs", "memory", "logs")] == [State.OK, State.SKIPPED, State.OK]
