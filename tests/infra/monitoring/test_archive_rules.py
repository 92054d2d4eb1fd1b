"""Rules for the archive of the log, on the cases of archive_cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.monitoring.archive_rules import ARCHIVE
from infra.monitoring.rule import Rule, Severity
from tests.infra.monitoring.archive_cases import ARCHIVE_CASES
from tests.support.promtool import judge, needs_promtool


@needs_promtool
@pytest.mark.parametrize("rule", ARCHIVE, ids=lambda rule: rule.name)
def test_a_rule_fires_when_it_should_not_before_and_not_otherwise(rule: Rule, tmp_path: Path) -> None:
    judge(rule, ARCHIVE_CASES[rule.name], tmp_path)


def test_only_what_may_lose_writes_wakes_someone_up() -> None:
    assert [rule.name for rule in ARCHIVE if rule.severity is Severity.CRITICAL] == ["ClaudeMemoryLogArchiveBehind"]
