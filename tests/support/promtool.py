"""Judges alert rules with promtool: what must fire when, on made-up series."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from infra.monitoring.rule import Rule
from infra.monitoring.rules import rules_file
from tests.infra.monitoring.series import Alert, Case

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def judge(rule: Rule, cases: Sequence[Case], folder: Path) -> None:
    """Run a rule on its cases. Raises AssertionError with promtool's words when it fires otherwise."""
    (folder / "rules.yml").write_text(_only(rule), encoding="utf-8")
    (folder / "tests.yml").write_text(yaml.safe_dump(_unit_tests(rule, cases)), encoding="utf-8")
    promtool(folder, "test", "rules", "tests.yml")


def promtool(folder: Path, *arguments: str) -> None:
    """Run promtool in a folder. Raises AssertionError with its words when it refuses."""
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _only(rule: Rule) -> str:
    """Return the rules file with one of its rules: promtool would evaluate all of them at every step."""
    file = yaml.safe_load(rules_file())
    for group in file["groups"]:
        group["rules"] = [one for one in group["rules"] if one["alert"] == rule.name]
    return str(yaml.safe_dump(file))


def _unit_tests(rule: Rule, cases: Sequence[Case]) -> dict[str, object]:
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
            "runbook_url": rule.runbook_url(),
        },
    }
