"""Every alert rule is an alarm here, or its absence has a reason."""

from __future__ import annotations

import json

import promql_parser
import pytest

from app.metrics import CATALOGUE
from infra.aliyun.alarms import ALARMS, LEFT_OUT, Alarm, escalation
from infra.monitoring.promql import metric_names
from infra.monitoring.rule import Rule, Severity
from infra.monitoring.rules import RULES
from tests.support.aliyun_plan import EVERYTHING, of_kind
from tests.support.stacks import aliyun_plan


def test_every_rule_is_an_alarm_or_left_out_for_a_reason() -> None:
    here = {alarm.rule for alarm in ALARMS}
    undecided = {rule.name: rule for rule in RULES if rule.name not in here | set(LEFT_OUT)}

    assert here | set(LEFT_OUT) <= {rule.name for rule in RULES}
    assert not here & set(LEFT_OUT)
    assert [name for name, rule in undecided.items() if not needs_the_app(rule)] == [], (
        "add an alarm to ALARMS in infra/aliyun/alarms.py, or the reason why there is none to LEFT_OUT"
    )


def needs_the_app(rule: Rule) -> bool:
    """Whether a rule uses a series that only the app has."""
    of_the_app = {name for metric in CATALOGUE for name in metric.series}
    return not of_the_app.isdisjoint(metric_names(promql_parser.parse(rule.expression)))


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
