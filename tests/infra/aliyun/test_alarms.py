"""Every alert rule is an alarm here, or its absence has a reason."""

from __future__ import annotations

import json

import pytest

from infra.aliyun.alarms import ALARMS, LEFT_OUT, Alarm, escalation
from infra.monitoring.rule import Severity
from infra.monitoring.rules import RULES
from tests.support.aliyun_plan import EVERYTHING, of_kind
from tests.support.stacks import aliyun_plan


def test_every_rule_is_an_alarm_or_left_out_for_a_reason() -> None:
    here = {alarm.rule for alarm in ALARMS}

    assert here | set(LEFT_OUT) == {rule.name for rule in RULES}
    assert not here & set(LEFT_OUT)


def test_each_is_declared_for_its_function_with_who_is_told_and_where_to_read_on() -> None:
    found = of_kind(aliyun_plan(**EVERYTHING), "Alarm")

    assert len(found) == len(ALARMS)
    assert all(alarm.inputs["contactGroups"] == ["operators"] for alarm in found.values())
    assert all("docs/runbook.md#" in alarm.inputs["name"] for alarm in found.values())
    [job] = json.loads(found["memory-alarms-job-failed"].inputs["metricDimensions"])
    assert job == {"region": "cn-hangzhou", "functionName": "claude-memory-test-jobs"}
    assert of_kind(aliyun_plan(), "Alarm") == {}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_the_level_is_the_severity(alarm: Alarm) -> None:
    [(level, limits)] = escalation(alarm, 2048).items()

    assert level == ("escalations_critical" if alarm.severity is Severity.CRITICAL else "escalations_warn")
    assert int(str(limits.threshold)) == (0 if alarm.share is None else 2048 * alarm.share // 100)
