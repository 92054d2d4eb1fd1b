"""Rules for what comes back by itself, on the cases of host_cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.monitoring.host_rules import HOSTS
from infra.monitoring.rule import Rule
from tests.infra.monitoring.host_cases import HOST_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", HOSTS, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, HOST_CASES[rule.name], tmp_path)
