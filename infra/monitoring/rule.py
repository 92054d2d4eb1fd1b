"""The form of an alert rule, and of a quantity that has a warning limit and a critical one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

RUNBOOK = "docs/runbook.md"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


class Severity(StrEnum):
    """How urgently people are notified."""

    CRITICAL = "critical"  # at once
    WARNING = "warning"  # grouped, within minutes
    NONE = "none"  # the dead man's switch: repeated as long as everything works


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alert. topic: a critical alert silences the warnings of its topic and instance.

    runbook: its section of the runbook, as indented Markdown that begins with the severity.
    needs: the scrape job, or what else of infra.monitoring.jobs, without which it would fire all the time; None: it is
    right for every target.
    """

    name: str
    topic: str
    expression: str
    for_s: int
    severity: Severity
    summary: str
    description: str
    runbook: str
    needs: str | None = None

    def runbook_url(self, runbook: str = RUNBOOK) -> str:
        """Return the rule's section of the runbook: a heading's anchor is the heading in lower case."""
        return f"{runbook}#{self.name.lower()}"

    def to_yaml(self, runbook: str = RUNBOOK) -> dict[str, Any]:
        """Return the rule as Prometheus reads it. runbook: where people find the runbook."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.for_s}s",
            "labels": {"severity": str(self.severity), "topic": self.topic},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": self.runbook_url(runbook),
            },
        }


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A quantity with two limits, which becomes a warning rule and a critical one.

    names, limits, shown: for the warning, then for the critical rule; shown: the limit with its unit.
    what: the quantity. value: the rest of the sentence that says how high it is.
    warning_runbook, critical_runbook: sections of the runbook, which begin with the severity and the limit as shown.
    """

    topic: str
    names: tuple[str, str]
    expression: str
    limits: tuple[float, float]
    shown: tuple[str, str]
    for_s: int
    what: str
    value: str
    warning_runbook: str
    critical_runbook: str

    def rules(self) -> tuple[Rule, Rule]:
        """Return the warning and the critical rule."""
        return (
            self._rule(0, Severity.WARNING, self.warning_runbook),
            self._rule(1, Severity.CRITICAL, self.critical_runbook),
        )

    def _rule(self, which: int, severity: Severity, runbook: str) -> Rule:
        limit, shown = self.limits[which], self.shown[which]
        return Rule(
            name=self.names[which],
            topic=self.topic,
            expression=f"{self.expression} > {limit:g}",
            for_s=self.for_s,
            severity=severity,
            summary=f"{self.what} over {shown}",
            description=f"{self.what} {self.value}, over {shown} for {self.for_s // MINUTE_S} min.",
            runbook=runbook,
        )
