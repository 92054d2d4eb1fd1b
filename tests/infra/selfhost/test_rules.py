"""The alert rules, each judged by promtool on the cases of rule_cases.py; what they may name."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import promql_parser
import pytest
import yaml

from app.metrics import CATALOGUE
from infra.selfhost.checks import expression_problems, metric_names
from infra.selfhost.rules import OTHER_METRICS, RULES, Rule, Severity, rules_file
from tests.infra.selfhost.rule_cases import CASES, Alert, Case

ROOT = Path(__file__).parents[3]
RULES_BY_NAME = {rule.name: rule for rule in RULES}
CRITICAL = {
    "ClaudeMemoryMCPDown",
    "ClaudeMemoryPostgresDown",
    "ClaudeMemoryQdrantDown",
    "ClaudeMemoryWorkerWithoutLeader",
    "ClaudeMemoryDiskAlmostFull",
    "ClaudeMemoryMemoryCritical",
    "ClaudeMemoryCPUCritical",
    "ClaudeMemoryResponseTimeCritical",
    "ClaudeMemoryDatabaseLarge",
}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


@needs_promtool
@pytest.mark.parametrize("name", CASES)
def test_it_fires_when_it_should_not_before_and_not_otherwise(name, tmp_path):
    rule = RULES_BY_NAME[name]
    (tmp_path / "rules.yml").write_text(_only(name), encoding="utf-8")
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(unit_tests(rule, CASES[name])), encoding="utf-8")

    done = subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_rules(tmp_path):
    (tmp_path / "rules.yml").write_text(rules_file(), encoding="utf-8")

    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", "rules.yml"], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_has_cases():
    assert set(CASES) == set(RULES_BY_NAME)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.for_s], ids=lambda rule: rule.name)
def test_the_cases_of_a_rule_show_the_step_to_firing_its_end_and_what_is_no_alert(rule):
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


def test_these_are_critical_and_all_others_warnings():
    by_severity = {severity: {rule.name for rule in RULES if rule.severity is severity} for severity in Severity}

    assert by_severity[Severity.CRITICAL] == CRITICAL
    assert by_severity[Severity.NONE] == {"ClaudeMemoryWatchdog"}


def test_the_two_limits_of_a_quantity_are_of_one_topic_so_that_the_critical_one_silences_the_warning():
    pairs = [
        ("ClaudeMemoryDiskFilling", "ClaudeMemoryDiskAlmostFull"),
        ("ClaudeMemoryMemoryHigh", "ClaudeMemoryMemoryCritical"),
        ("ClaudeMemoryCPUHigh", "ClaudeMemoryCPUCritical"),
        ("ClaudeMemoryHighResponseTime", "ClaudeMemoryResponseTimeCritical"),
        ("ClaudeMemoryDatabaseGrowing", "ClaudeMemoryDatabaseLarge"),
    ]
    for warning, critical in pairs:
        assert RULES_BY_NAME[warning].topic == RULES_BY_NAME[critical].topic


def test_each_rule_has_its_place_in_the_runbook():
    runbook = ROOT / "docs" / "runbook.md"
    headings = set(re.findall(r"^### (ClaudeMemory\w+)$", runbook.read_text(encoding="utf-8"), re.MULTILINE))

    assert headings == set(RULES_BY_NAME)
    for rule in RULES:
        assert rule.runbook_url == f"docs/runbook.md#{rule.name.lower()}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_uses_metrics_that_somebody_has(rule):
    assert expression_problems(rule.expression) == []


def test_no_metric_is_named_beside_the_catalogue_that_is_in_it_or_that_no_rule_uses():
    used = {name for rule in RULES for name in metric_names(promql_parser.parse(rule.expression))}

    assert used >= OTHER_METRICS
    assert not OTHER_METRICS & {name for metric in CATALOGUE for name in metric.series}


def _only(name: str) -> str:
    """Return the rules file with one of its rules: promtool would judge all of them at every step."""
    file = yaml.safe_load(rules_file())
    for group in file["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] == name]
    return str(yaml.safe_dump(file))


def unit_tests(rule: Rule, cases: list[Case]) -> dict[str, object]:
    """Return promtool's unit tests of a rule."""
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{cases[0].step_s}s",
        "tests": [
            {
                "name": case.what,
                "interval": f"{case.step_s}s",
                "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
                "alert_rule_test": [
                    {
                        "eval_time": f"{moment}s",
                        "alertname": rule.name,
                        "exp_alerts": [_expected(rule, alert) for alert in alerts],
                    }
                    for moment, alerts in case.at.items()
                ],
            }
            for case in cases
        ],
    }


def _expected(rule: Rule, alert: Alert) -> dict[str, object]:
    return {
        "exp_labels": {**alert.labels, "severity": str(rule.severity), "topic": rule.topic},
        "exp_annotations": {
            "summary": rule.summary,
            "description": alert.description,
            "runbook_url": rule.runbook_url,
        },
    }
