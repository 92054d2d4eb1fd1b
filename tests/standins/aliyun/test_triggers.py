"""Triggers of the types http and timer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.aliyun import Caller, function

HTTP = {"methods": ["GET", "POST", "DELETE"], "authType": "anonymous", "disableURLInternet": False}
TIMER = {"cronExpression": "CRON_TZ=Asia/Shanghai 0 15 3 * * *", "enable": True, "payload": "maintain"}


@pytest.fixture
def with_function(caller: Caller) -> Caller:
    caller.fc("POST", "/functions", function())
    return caller


def made(caller: Caller, kind: str, config: Any, name: str = "it", qualifier: str = "LATEST") -> Any:
    body = {"triggerName": name, "triggerType": kind, "qualifier": qualifier, "triggerConfig": json.dumps(config)}
    return caller.fc("POST", "/functions/memory/triggers", body)


def test_the_triggers_of_a_function_are_listed(with_function: Caller) -> None:
    made(with_function, "http", HTTP)
    found = with_function.fc("GET", "/functions/memory/triggers")

    assert [one["triggerName"] for one in found.body["triggers"]] == ["it"]


def test_an_http_trigger_has_an_address_of_its_own(with_function: Caller) -> None:
    answer = made(with_function, "http", HTTP)

    url = answer.body["httpTrigger"]["urlInternet"]
    assert re.fullmatch(r"https://memory-[a-z0-9]{10}\.cn-hangzhou\.fcapp\.run", url)
    assert json.loads(answer.body["triggerConfig"]) == HTTP
    assert with_function.fc("GET", "/functions/memory/triggers/it").body == answer.body


def test_a_timer_has_none(with_function: Caller) -> None:
    answer = made(with_function, "timer", TIMER)

    assert (answer.status, answer.body["httpTrigger"]) == (200, {})


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("http", HTTP | {"methods": []}),
        ("http", HTTP | {"authType": "none"}),
        ("timer", TIMER | {"cronExpression": "15 3 * * *"}),
        ("queue", {}),
    ],
    ids=str,
)
def test_a_wrong_configuration_is_refused(with_function: Caller, kind: str, config: Any) -> None:
    assert made(with_function, kind, config).code == "InvalidArgument"


def test_a_second_trigger_of_a_name_and_a_second_http_trigger_are_refused(with_function: Caller) -> None:
    made(with_function, "http", HTTP)

    assert made(with_function, "timer", TIMER).code == "TriggerAlreadyExists"
    assert made(with_function, "http", HTTP, "other").code == "TriggerAlreadyExists"


def test_a_trigger_of_an_alias_needs_the_alias(with_function: Caller) -> None:
    assert made(with_function, "http", HTTP, qualifier="live").code == "InvalidArgument"


def test_a_trigger_is_changed_and_deleted(with_function: Caller) -> None:
    made(with_function, "timer", TIMER)
    later = json.dumps(TIMER | {"enable": False})
    changed = with_function.fc("PUT", "/functions/memory/triggers/it", {"triggerConfig": later})

    assert changed.body["triggerConfig"] == later
    assert with_function.fc("DELETE", "/functions/memory/triggers/it").status == 204
    assert with_function.fc("GET", "/functions/memory/triggers/it").code == "TriggerNotFound"
