"""Each of the four causes of 412 is told from the others, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.api.logs import Record
from infra.aliyun.doctor.asking import Answer, Answers
from infra.aliyun.doctor.causes import causes
from infra.aliyun.doctor.evidence import Evidence
from infra.finding import Finding, State
from tests.support.aliyun_cloud import function

FIRST = "event: endpoint\ndata: /messages/?session_id=1"
WELL = Answers(Answer(200, 0.1), Answer(200, 0.1), FIRST)
REFUSED = Answers(Answer(412, 0.4, "CAExited", "cannot be started"), Answer(412, 0.4, "CAExited"), "")


def found(answers: Answers, *lines: str, stored: dict[str, Any] | None = None) -> dict[str, Finding]:
    """Return the findings by the number of the cause."""
    records = [Record(1, {"message": line}) for line in lines]
    findings = list(causes(Evidence(answers, stored or function(), [], records)))
    return {one.what.partition("cause ")[2][:1] or "412": one for one in findings}


def test_a_function_that_answers_has_none_of_them() -> None:
    assert [one.state for one in found(WELL).values()] == [State.OK] * 5


def test_412_is_told_with_function_computes_own_word() -> None:
    assert found(REFUSED)["412"].found == "the function answers 412 (CAExited)"
    assert found(REFUSED)["412"].state is State.FAILED


def test_no_answer_at_all_is_told_as_such() -> None:
    nothing = Answers(Answer(0, 10.0, said="ConnectTimeout"), Answer(0, 10.0), "")

    assert found(nothing)["412"].found == "no answer at all (ConnectTimeout)"


def test_a_start_that_takes_too_long_is_the_first_cause() -> None:
    slow = Answers(Answer(412, 121.0), Answer(412, 121.0), "")
    assert found(slow)["1"].state is State.FAILED
    assert "provisioned" in found(slow)["1"].remedy

    late = Answers(Answer(200, 14.2), Answer(200, 0.1), FIRST)
    assert (found(late)["1"].state, found(late)["1"].found) == (State.WARNING, "/health took 14.2 s")


def test_a_health_check_of_another_path_is_seen() -> None:
    config = {"port": 8000, "healthCheckConfig": {"httpGetUrl": "/"}}

    assert "its health check asks /" in found(WELL, stored=function(customRuntimeConfig=config))["1"].found


def test_a_path_that_differs_is_the_second_cause() -> None:
    stored = function(sessionAffinityConfig='{"sseEndpointPath":"/events"}')

    assert found(REFUSED, stored=stored)["2"].found == "the function's affinity has /events, the app serves /sse"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (Answers(Answer(200, 0.1), Answer(200, 0.1), "event: ping\ndata: x"), "is event: ping, not endpoint"),
        (Answers(Answer(200, 0.1), Answer(200, 0.1), ""), "is none, not endpoint"),
        (Answers(Answer(200, 0.1), Answer(404, 0.1), ""), "/sse answers 404"),
    ],
)
def test_a_stream_that_does_not_begin_as_the_gateway_needs_it_is_the_second_cause(answers: Answers, told: str) -> None:
    assert found(answers)["2"].state is State.FAILED
    assert told in found(answers)["2"].found


def test_a_token_that_is_not_accepted_leaves_the_stream_untried() -> None:
    one = found(Answers(Answer(200, 0.1), Answer(401, 0.1), ""))["2"]

    assert (one.state, "--token-file" in one.remedy) == (State.SKIPPED, True)


def test_a_port_that_differs_is_the_third_cause() -> None:
    stored = function(customRuntimeConfig={"port": 9000})

    assert found(REFUSED, stored=stored)["3"].found == "the function's port is 9000, the app listens on 8000"


def test_an_app_that_listens_on_loopback_is_the_third_cause() -> None:
    stored = function(environmentVariables={"PORT": "8000", "HOST": "127.0.0.1"})

    assert "listens on 127.0.0.1 alone" in found(REFUSED, stored=stored)["3"].found


def test_a_port_on_which_nothing_listened_in_time_is_the_third_cause() -> None:
    line = "Function instance health check failed on port 8000 in 120 seconds."

    assert found(REFUSED, line)["3"].state is State.FAILED
    assert found(WELL, line)["3"].state is State.OK


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ModuleNotFoundError: No module named 'pydantic_core'", "Python does not find pydantic_core"),
        ("Error: the file /code/mcp_server.py is not exist", "is not in the code package"),
        ("libc.so.6: version `GLIBC_2.38' not found", "built for another system"),
        ("Function instance exited unexpectedly(code 1, message:x)", "the process ended while it started"),
    ],
)
def test_what_the_start_lacks_is_the_fourth_cause(line: str, told: str) -> None:
    assert found(REFUSED, line)["4"].state is State.FAILED
    assert told in found(REFUSED, line)["4"].found


def test_a_failure_that_is_over_is_a_warning() -> None:
    one = found(WELL, "ModuleNotFoundError: No module named 'x'")["4"]

    assert (one.state, one.found.endswith("before it last started")) == (State.WARNING, True)


def test_what_could_not_be_asked_is_said() -> None:
    findings = list(causes(Evidence(Answers(Answer(412, 0.4), Answer(412, 0.4), ""))))

    assert [one.state for one in findings] == [State.FAILED, *[State.SKIPPED] * 4]
