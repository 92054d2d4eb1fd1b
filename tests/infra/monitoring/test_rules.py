"""All alert rules together: each has cases, a text for the runbook that fits, and metrics that exist."""

from __future__ import annotations

import re
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path

import promql_parser
import pytest

from app.metrics import CATALOGUE
from infra.monitoring.jobs import APP_JOB, CERTIFICATE, JOBS, STANDBY, WORKER_JOB
from infra.monitoring.promql import expression_problems, metric_names
from infra.monitoring.rule import Rule, Severity
from infra.monitoring.rules import OTHER_METRICS, RULES, rules_file, rules_for
from tests.infra.monitoring.rule_cases import CASES
from tests.infra.monitoring.series import Case
from tests.support.promtool import needs_promtool, promtool

RULES_BY_NAME = {rule.name: rule for rule in RULES}


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rules_file(), encoding="utf-8")

    promtool(tmp_path, "check", "rules", "--lint-fatal", "rules.yml")


def test_a_target_that_cannot_scrape_a_job_leaves_out_the_rules_that_would_fire_without_it() -> None:
    needing_the_worker = {rule.name for rule in RULES if rule.needs == WORKER_JOB}

    assert needing_the_worker
    without = (JOBS | {CERTIFICATE, STANDBY}) - {WORKER_JOB}
    assert {rule.name for rule in set(RULES) - set(rules_for(without))} == needing_the_worker
    assert rules_for() == rules_for(JOBS | {CERTIFICATE, STANDBY}) == RULES
    assert not [name for name in needing_the_worker if name in rules_file(without)]


def test_a_rule_that_fires_on_absence_says_which_job_it_needs() -> None:
    always_there = f'absent(up{{job="{APP_JOB}"}})'
    absent = {rule.name: rule.needs for rule in RULES if "absent(" in rule.expression.replace(always_there, "")}

    assert absent
    assert set(absent.values()) <= JOBS | {CERTIFICATE, STANDBY}, "set `needs`"


def test_each_rule_has_cases_and_a_name_of_its_own() -> None:
    assert set(CASES) == set(RULES_BY_NAME), "add its cases to the file of that name beside this one"
    assert len(RULES_BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.for_s], ids=lambda rule: rule.name)
def test_the_cases_of_a_rule_show_the_step_to_firing_its_end_and_what_is_no_alert(rule: Rule) -> None:
    cases = CASES[rule.name]

    assert any(_steps_to_firing(case) for case in cases), "the moment before it fires, one evaluation earlier"
    assert any(_ends(case) for case in cases), "a moment after it fired at which it does not"
    assert any(not any(case.at.values()) for case in cases), "something close to it that must not fire"


def _steps_to_firing(case: Case) -> bool:
    moments = sorted(case.at.items())
    return any(
        not before and after and later - earlier == case.step_s
        for (earlier, before), (later, after) in pairwise(moments)
    )


def _ends(case: Case) -> bool:
    states = [bool(alerts) for _, alerts in sorted(case.at.items())]
    return (True, False) in pairwise(states)


def test_only_the_watchdog_notifies_no_one() -> None:
    assert [rule.name for rule in RULES if rule.severity is Severity.NONE] == ["ClaudeMemoryWatchdog"]


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.severity is not Severity.NONE], ids=lambda rule: rule.name
)
def test_the_text_for_the_runbook_begins_with_the_severity_of_the_rule(rule: Rule) -> None:
    assert re.match(rf"{rule.severity.capitalize()}\b", cleandoc(rule.runbook)), "change `severity` or `runbook`"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_uses_metrics_that_exist(rule: Rule) -> None:
    assert expression_problems(rule.expression) == [], (
        "declare it in app/metrics.py; one of an exporter: add it to OTHER_METRICS in infra/monitoring/rules.py"
    )


def test_the_other_metrics_are_those_that_rules_use_and_the_catalogue_lacks() -> None:
    used = {name for rule in RULES for name in metric_names(promql_parser.parse(rule.expression))}

    assert used >= OTHER_METRICS
    assert not OTHER_METRICS & {name for metric in CATALOGUE for name in metric.series}
