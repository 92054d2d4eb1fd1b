"""The page of policies."""

from __future__ import annotations

from policies.catalogue import RULES, all_rules
from policies.page import page


def test_every_rule_is_in_the_section_of_its_subject_with_why_and_what_to_do() -> None:
    text = page()

    for subject, rules in RULES.items():
        section = text.partition(f"\n## {subject}\n")[2].partition("\n## ")[0]
        for rule in rules:
            assert f"| `{rule.name}`" in section
            assert f"| {rule.why} | {rule.remedy} |" in section


def test_every_threshold_is_there_with_its_default() -> None:
    text = page()

    assert "| `aliyun-function-memory` | `maximumMb` | `3072` |" in text
    assert "| `render-no-free-plan` | `development` | `dev`, `test`," in text
    assert "| `no-keys-in-clear` | `allowed` | none |" in text
    assert text.count("\n| `") >= len(all_rules())
