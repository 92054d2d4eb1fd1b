"""`check`: the four causes of 412 on the real app and on what the APIs tell."""

from __future__ import annotations

from typing import Any

from tests.support.aliyun_answers import answering
from tests.support.aliyun_cloud import FUNCTION, Cloud, function
from tests.support.aliyun_stack import NOW_S, SECRET_URL, TOKEN, Drive, Ran, Stack
from tests.support.serving import Server


def findings(ran: Ran) -> dict[str, dict[str, Any]]:
    return {one["what"].partition(":")[0].removeprefix("412, "): one for one in ran.json["findings"]}


def test_a_function_that_works_has_no_cause(deployed: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(int(NOW_S) - 60, "started in 412 ms")
    cloud.log(int(NOW_S) - 50, memoryUsageMB="212.4", durationMs="12")
    ran = drive("check", "--json")

    assert (ran.status, ran.json["ok"]) == (0, True), ran.out
    found = findings(ran)
    assert {one["state"] for one in found.values()} == {"ok"}
    assert [f"cause {number}" in found for number in (1, 2, 3, 4)] == [True] * 4
    assert found["memory"]["found"] == "at most 212 MB of 2048 in 1 requests"


def test_a_missing_module_is_found_in_the_logs_of_a_function_that_answers_412(
    stack: Stack, cloud: Cloud, drive: Drive
) -> None:
    cloud.log(int(NOW_S) - 60, "ModuleNotFoundError: No module named 'pydantic_core'")
    with answering(412, b'{"Code": "CAExited", "Message": "cannot be started"}') as url:
        stack.output(url=url)
        ran = drive("check", "--json")

    assert ran.status == 1
    found = findings(ran)
    assert found["412"]["found"] == "the function answers 412 (CAExited)"
    assert found["cause 4"]["found"] == "Python does not find pydantic_core"
    assert "./dev lock" in found["cause 4"]["remedy"]


def test_a_path_changed_by_hand_is_found(deployed: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.live = function(sessionAffinityConfig='{"sseEndpointPath":"/events","sessionConcurrencyPerInstance":20}')
    ran = drive("check")

    assert ran.status == 1
    assert "the function's affinity has /events, the app serves /sse" in ran.said


def test_what_no_client_reaches_is_not_checked(deployed: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.function = function(sessionAffinityConfig='{"sseEndpointPath":"/events","sessionConcurrencyPerInstance":20}')

    assert drive("check").status == 0
    assert [one[3] for one in cloud.asked if one[2].endswith(f"/{FUNCTION}")] == [{"qualifier": "live"}]


def test_without_keys_the_rest_is_checked_all_the_same(deployed: Stack, drive: Drive) -> None:
    ran = drive("check", "--json", ALIBABA_CLOUD_ACCESS_KEY_ID="")

    assert ran.status == 0
    assert findings(ran)["cause 2"]["state"] == "ok"
    assert findings(ran)["SSE sessions"]["state"] == "skipped"
    assert "make a pair for a RAM user" in ran.err


def test_an_address_alone_is_asked_without_a_stack(memory: Server, stack: Stack, drive: Drive) -> None:
    ran = drive("check", memory.url, "--json", CLAUDE_MEMORY_TOKEN=TOKEN)

    assert ran.status == 0
    assert findings(ran)["cause 2"]["state"] == "ok"
    assert stack.state["calls"] == [] or stack.state["calls"][0][0] == "config"


def test_secrets_in_log_lines_are_not_shown(deployed: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.log(int(NOW_S) - 60, f"OSError: No space left on device {SECRET_URL}")

    assert "No space left on device ***" in drive("check").said
