"""The form of rules: what Prometheus reads, and the two rules of a threshold."""

from __future__ import annotations

from infra.monitoring.rule import Rule, Severity, Threshold

RULE = Rule(
    name="ClaudeMemoryTideHigh",
    topic="tide",
    expression="tide > 5",
    for_s=90,
    severity=Severity.WARNING,
    summary="The tide is high",
    description="It is {{ $value }} m.",
    runbook="Warning: go uphill.",
)


def test_a_rule_is_written_as_prometheus_reads_it() -> None:
    assert RULE.to_yaml() == {
        "alert": "ClaudeMemoryTideHigh",
        "expr": "tide > 5",
        "for": "90s",
        "labels": {"severity": "warning", "topic": "tide"},
        "annotations": {
            "summary": "The tide is high",
            "description": "It is {{ $value }} m.",
            "runbook_url": "docs/runbook.md#claudememorytidehigh",
        },
    }


def test_its_link_leads_to_its_section_of_the_runbook_as_people_find_it() -> None:
    annotations = RULE.to_yaml("https://git.example.org/runbook.md")["annotations"]

    assert annotations["runbook_url"] == "https://git.example.org/runbook.md#claudememorytidehigh"


def test_a_threshold_becomes_a_warning_and_a_critical_rule_that_name_their_limits() -> None:
    threshold = Threshold(
        topic="tide",
        names=("TideHigh", "TideCritical"),
        expression="tide",
        limits=(5, 1e9),
        shown=("5 m", "1 Gm"),
        for_s=120,
        what="Tide",
        value="is {{ $value }} m",
        warning_runbook="Warning, 5 m: go uphill.",
        critical_runbook="Critical, 1 Gm: run.",
    )

    warning, critical = threshold.rules()

    assert (warning.name, warning.severity) == ("TideHigh", Severity.WARNING)
    assert warning.expression == "tide > 5"
    assert (critical.name, critical.severity, critical.expression) == (
        "TideCritical",
        Severity.CRITICAL,
        "tide > 1e+09",
    )
    assert (warning.summary, critical.summary) == ("Tide over 5 m", "Tide over 1 Gm")
    assert (warning.runbook, critical.runbook) == ("Warning, 5 m: go uphill.", "Critical, 1 Gm: run.")
    assert warning.description == "Tide is {{ $value }} m, over 5 m for 2 min."
