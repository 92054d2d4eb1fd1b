"""The rule for a standby, on the cases of standby_cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.monitoring.rule import Rule, Severity
from infra.monitoring.standby_rules import STANDBYS
from tests.infra.monitoring.standby_cases import STANDBY_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", STANDBYS, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, STANDBY_CASES[rule.name], tmp_path)


def test_no_one_is_woken_up_while_the_memory_works() -> None:
    assert {rule.severity for rule in STANDBYS} == {Severity.WARNING}
