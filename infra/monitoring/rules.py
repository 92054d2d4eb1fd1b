"""All alert rules, and the file Prometheus loads them from."""

from __future__ import annotations

from collections.abc import Container

import yaml

from infra.monitoring.alerting_rules import ALERTING
from infra.monitoring.archive_rules import ARCHIVE
from infra.monitoring.host_rules import HOSTS
from infra.monitoring.outage_rules import OUTAGES
from infra.monitoring.overdue_rules import OVERDUE
from infra.monitoring.rule import RUNBOOK, Rule
from infra.monitoring.standby_rules import STANDBYS
from infra.monitoring.threshold_rules import THRESHOLDS

RULES: tuple[Rule, ...] = (
    *OUTAGES,
    *OVERDUE,
    *HOSTS,
    *ARCHIVE,
    *STANDBYS,
    *ALERTING,
    *(rule for threshold in THRESHOLDS for rule in threshold.rules()),
)
# Metrics in rules that are not in the app's catalogue: those of Prometheus, Alertmanager and the exporters.
OTHER_METRICS = frozenset(
    {
        "up",
        "alertmanager_notifications_failed_total",
        "node_boot_time_seconds",
        "node_cpu_seconds_total",
        "node_filesystem_avail_bytes",
        "node_filesystem_size_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_vmstat_oom_kill",
        "pg_up",
        "process_start_time_seconds",
    }
)


def rules_for(has: Container[str] | None = None) -> tuple[Rule, ...]:
    """Return the rules of a target that has only these jobs, or what else rules need; without them, all rules."""
    return tuple(rule for rule in RULES if has is None or rule.needs is None or rule.needs in has)


def rules_file(has: Container[str] | None = None, runbook: str = RUNBOOK) -> str:
    """Return rules.yml. has: what rules may need, if not all of it. runbook: where people find the runbook."""
    return yaml.safe_dump(
        {"groups": [{"name": "claude-memory", "rules": [rule.to_yaml(runbook) for rule in rules_for(has)]}]},
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
