"""Rules for what does not answer, on the cases of outage_cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.monitoring.outage_rules import OUTAGES
from infra.monitoring.rule import Rule, Severity
from tests.infra.monitoring.outage_cases import OUTAGE_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", OUTAGES, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, OUTAGE_CASES[rule.name], tmp_path)


def test_all_are_critical_but_services_without_which_nothing_is_lost() -> None:
    assert {rule.name for rule in OUTAGES if rule.severity is not Severity.CRITICAL} == {
        "ClaudeMemoryEmbeddingsDown",
        "ClaudeMemoryRerankDown",
    }


def test_each_is_its_own_topic_so_that_none_silences_another() -> None:
    assert len({rule.topic for rule in OUTAGES}) == len(OUTAGES)
