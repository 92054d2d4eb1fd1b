"""Quantities with two limits, on the cases of threshold_cases.py."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path

import pytest

from infra.monitoring.rule import Rule, Severity, Threshold
from infra.monitoring.threshold_rules import THRESHOLDS
from tests.infra.monitoring.threshold_cases import THRESHOLD_CASES
from tests.support.promtool import judge, needs_promtool

RULES = [rule for threshold in THRESHOLDS for rule in threshold.rules()]


@needs_promtool
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, THRESHOLD_CASES[rule.name], tmp_path)


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda threshold: threshold.topic)
def test_the_critical_limit_is_above_the_warning_and_shown_as_it_is(threshold: Threshold) -> None:
    warning, critical = threshold.limits

    assert warning < critical
    assert [float(shown.split()[0]) for shown in threshold.shown] in (
        [warning, critical],
        [warning / 1e9, critical / 1e9],
    )


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda threshold: threshold.topic)
def test_the_critical_rule_silences_the_warning_by_their_topic(threshold: Threshold) -> None:
    warning, critical = threshold.rules()

    assert (warning.severity, critical.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert warning.topic == critical.topic
    assert len({one.topic for one in THRESHOLDS}) == len(THRESHOLDS)


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda threshold: threshold.topic)
def test_the_texts_for_the_runbook_begin_with_the_limits(threshold: Threshold) -> None:
    for rule, shown in zip(threshold.rules(), threshold.shown, strict=True):
        assert cleandoc(rule.runbook).startswith(f"{rule.severity.capitalize()}, {shown}")
