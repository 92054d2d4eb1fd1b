"""All alert rules, and the file Prometheus loads them from."""

from __future__ import annotations

from collections.abc import Container

import yaml

from infra.monitoring.alerting_rules import ALERTING
from infra.monitoring.outage_rules import OUTAGES
from infra.monitoring.overdue_rules import OVERDUE
from infra.monitoring.rule import Rule
from infra.monitoring.threshold_rules import THRESHOLDS

RULES: tuple[Rule, ...] = (
    *OUTAGES,
    *OVERDUE,
    *ALERTING,
    *(rule for threshold in THRESHOLDS for rule in threshold.rules()),
)
# Metrics in rules that are not in the app's catalogue: those of Prometheus, Alertmanager and the exporters.
OTHER_METRICS = frozenset(
    {
        "up",
        "alertmanager_notifications_failed_total",
        "node_cpu_seconds_total",
        "node_filesystem_avail_bytes",
        "node_filesystem_size_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "pg_up",
    }
)


def rules_for(jobs: Container[str] | None = None) -> tuple[Rule, ...]:
    """Return the rules of a target that scrapes only these jobs; without them, all rules."""
    return tuple(rule for rule in RULES if jobs is None or rule.needs is None or rule.needs in jobs)


def rules_file(jobs: Container[str] | None = None) -> str:
    """Return rules.yml. jobs: what the target scrapes, if not every job."""
    return yaml.safe_dump(
        {"groups": [{"name": "claude-memory", "rules": [rule.to_yaml() for rule in rules_for(jobs)]}]},
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
