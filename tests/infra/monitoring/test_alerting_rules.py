"""Rules about the monitoring itself, on the cases of alerting_cases.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.monitoring.alerting_rules import ALERTING
from infra.monitoring.jobs import ALERTMANAGER_JOB, ALERTS_JOB, APP_JOB, PROXY_JOB, QDRANT_JOB
from infra.monitoring.rule import Rule, Severity
from tests.infra.monitoring.alerting_cases import ALERTING_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, ALERTING_CASES[rule.name], tmp_path)


def test_the_watchdog_alone_fires_without_a_reason() -> None:
    assert [rule.name for rule in ALERTING if rule.severity is Severity.NONE] == ["ClaudeMemoryWatchdog"]


@pytest.mark.parametrize("job", [APP_JOB, PROXY_JOB, QDRANT_JOB, ALERTS_JOB, ALERTMANAGER_JOB])
def test_a_job_with_an_alert_of_its_own_is_no_target_that_is_down_as_well(job: str) -> None:
    [rule] = [rule for rule in ALERTING if rule.name == "ClaudeMemoryTargetDown"]

    [others] = re.findall(r'job!~"([^"]+)"', rule.expression)
    assert job in others.split("|")
