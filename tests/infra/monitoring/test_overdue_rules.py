"""Rules for what is overdue, on the cases of overdue_cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.fields import BACKUP_TOO_OLD_HOURS
from infra.monitoring.overdue_rules import OVERDUE
from infra.monitoring.rule import HOUR_S, Rule, Severity
from tests.infra.monitoring.overdue_cases import OVERDUE_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", OVERDUE, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, OVERDUE_CASES[rule.name], tmp_path)


def test_a_backup_is_too_old_at_the_age_at_which_doctor_says_so() -> None:
    [rule] = [rule for rule in OVERDUE if rule.name == "ClaudeMemoryBackupTooOld"]

    assert rule.expression.endswith(f"> {BACKUP_TOO_OLD_HOURS * HOUR_S}")
    assert f"over {BACKUP_TOO_OLD_HOURS} hours" in rule.summary


def test_the_first_backup_may_take_as_long_as_any_other() -> None:
    [rule] = [rule for rule in OVERDUE if rule.name == "ClaudeMemoryBackupMissing"]

    assert rule.for_s == BACKUP_TOO_OLD_HOURS * HOUR_S


def test_none_wakes_anyone_up() -> None:
    assert {rule.severity for rule in OVERDUE} == {Severity.WARNING}
