"""The parts of the runbook that follow from the rules, and that nothing else of it is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.monitoring.page import MarkersMissing, alerts, filled, thresholds
from infra.monitoring.rule import RUNBOOK
from infra.monitoring.rules import RULES

PAGE = (Path(__file__).parents[3] / RUNBOOK).read_text(encoding="utf-8")


def test_the_runbook_is_what_the_rules_say() -> None:
    assert filled(PAGE) == PAGE, "run ./dev docs"


def test_each_alert_has_one_section_in_the_order_of_the_rules() -> None:
    assert re.findall(r"^### (.+)$", alerts(), re.MULTILINE) == [rule.name for rule in RULES]


def test_a_section_is_markdown_without_the_indentation_of_the_code() -> None:
    assert "\n```sh\nservices\n" in alerts()
    assert not re.search(r"^ {4}", alerts(), re.MULTILINE), "four spaces make a block of code of it"


def test_only_what_is_between_the_markers_is_written_anew() -> None:
    page = filled(PAGE) + "\nBy hand.\n"
    stale = page.replace(alerts(), "### ClaudeMemoryNobodyKnows\n").replace(thresholds(), "")

    assert len(stale) < len(page) - len(alerts())
    assert filled(stale) == page


@pytest.mark.parametrize("marker", re.findall(r"^<!-- .* -->$", PAGE, re.MULTILINE))
def test_without_a_marker_nothing_is_written_and_both_are_named(marker: str) -> None:
    with pytest.raises(MarkersMissing, match=re.escape(marker)):
        filled(PAGE.replace(marker, ""))
