"""The alert rules as data, and the YAML Prometheus reads. Thresholds stand here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from app import metrics
from app.settings.fields import BACKUP_TOO_OLD_HOURS

RUNBOOK = "docs/runbook.md"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

APP_JOB, WORKER_JOB, QDRANT_JOB, POSTGRES_JOB, NODE_JOB = "claude-memory", "worker", "qdrant", "postgres", "node"
ALERTS_JOB, ALERTMANAGER_JOB, PROXY_JOB = "alerts", "alertmanager", "proxy"

# What rules use beside the app's own catalogue: metrics of Prometheus itself and of the exporters beside it.
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


class Severity(StrEnum):
    """How soon somebody is told."""

    CRITICAL = "critical"  # at once
    WARNING = "warning"  # with others, within minutes
    NONE = "none"  # the dead man's switch: told on and on while all is well


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alert. topic: a critical alert silences the warnings of its topic and instance."""

    name: str
    topic: str
    expression: str
    for_s: int
    severity: Severity
    summary: str
    description: str

    @property
    def runbook_url(self) -> str:
        """The rule's place in the runbook: headings become anchors in small letters."""
        return f"{RUNBOOK}#{self.name.lower()}"

    def to_yaml(self) -> dict[str, Any]:
        """Return it as Prometheus has it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.for_s}s",
            "labels": {"severity": str(self.severity), "topic": self.topic},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": self.runbook_url,
            },
        }


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A quantity with two limits, which becomes a warning and a critical rule."""

    topic: str
    names: tuple[str, str]
    expression: str
    limits: tuple[float, float]
    shown: tuple[str, str]
    for_s: int
    what: str
    value: str

    def rules(self) -> tuple[Rule, Rule]:
        """Return the warning and the critical rule."""
        warning, critical = (
            Rule(
                name=name,
                topic=self.topic,
                expression=f"{self.expression} > {limit:g}",
                for_s=self.for_s,
                severity=severity,
                summary=f"{self.what} over {shown}",
                description=f"{self.what} {self.value}, over {shown} for {self.for_s // MINUTE_S} min.",
            )
            for name, limit, shown, severity in zip(
                self.names, self.limits, self.shown, (Severity.WARNING, Severity.CRITICAL), strict=True
            )
        )
        return warning, critical


_REAL_DISKS = (
    'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|nsfs|autofs|proc|sysfs|devtmpfs|cgroup.*|fuse.*"'
    ',mountpoint!~"/(run|boot|sys|proc|dev)($|/.*)"'
)
_PERCENT = 'is at {{ $value | printf "%.0f" }} % on {{ $labels.instance }}'

THRESHOLDS = (
    Threshold(
        topic="disk",
        names=("ClaudeMemoryDiskFilling", "ClaudeMemoryDiskAlmostFull"),
        expression=(
            f"100 * (1 - node_filesystem_avail_bytes{{{_REAL_DISKS}}} / node_filesystem_size_bytes{{{_REAL_DISKS}}})"
        ),
        limits=(80, 90),
        shown=("80 %", "90 %"),
        for_s=300,
        what="Disk use",
        value=_PERCENT + " {{ $labels.mountpoint }}",
    ),
    Threshold(
        topic="memory",
        names=("ClaudeMemoryMemoryHigh", "ClaudeMemoryMemoryCritical"),
        expression="100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        limits=(85, 95),
        shown=("85 %", "95 %"),
        for_s=300,
        what="Memory use",
        value=_PERCENT,
    ),
    Threshold(
        topic="cpu",
        names=("ClaudeMemoryCPUHigh", "ClaudeMemoryCPUCritical"),
        expression='100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))',
        limits=(80, 90),
        shown=("80 %", "90 %"),
        for_s=600,
        what="CPU use",
        value=_PERCENT,
    ),
    Threshold(
        topic="response",
        names=("ClaudeMemoryHighResponseTime", "ClaudeMemoryResponseTimeCritical"),
        expression=metrics.AVERAGE.name,
        limits=(5, 10),
        shown=("5 s", "10 s"),
        for_s=120,
        what="Mean response time",
        value='is {{ $value | printf "%.1f" }} s on {{ $labels.instance }}',
    ),
    Threshold(
        topic="database",
        names=("ClaudeMemoryDatabaseGrowing", "ClaudeMemoryDatabaseLarge"),
        expression=f"max({metrics.DATABASE_BYTES.name})",
        limits=(1e9, 2e9),
        shown=("1 GB", "2 GB"),
        for_s=300,
        what="Database size",
        value="is {{ $value | humanize }}B",
    ),
)

_APP = f'job="{APP_JOB}"'
# Jobs whose absence is an alert of its own; any other that does not answer is ClaudeMemoryTargetDown.
_JOBS_WITH_RULES = (APP_JOB, PROXY_JOB, QDRANT_JOB, ALERTS_JOB, ALERTMANAGER_JOB)
_BACKUP_AGE_S = BACKUP_TOO_OLD_HOURS * HOUR_S
# Both sides of an `or` lose all labels where either may notice first: an alert whose labels change starts anew.
_SINGLE = (
    Rule(
        name="ClaudeMemoryMCPDown",
        topic="app",
        expression=f'up{{job=~"{APP_JOB}|{PROXY_JOB}"}} == 0 or absent(up{{{_APP}}})',
        for_s=30,
        severity=Severity.CRITICAL,
        summary="The MCP server does not answer",
        description=(
            "{{ with $labels.instance }}{{ . }} has not answered{{ else }}No replica is known{{ end }} for 30 s. "
            "Other replicas, if any, carry the load; without the proxy no client gets through."
        ),
    ),
    Rule(
        name="ClaudeMemoryPostgresDown",
        topic="postgres",
        expression=f'min(pg_up{{job="{POSTGRES_JOB}"}}) == 0 or max({metrics.POSTGRES_UP.name}{{{_APP}}}) == 0',
        for_s=60,
        severity=Severity.CRITICAL,
        summary="PostgreSQL does not answer",
        description="Memories can be neither stored nor found until PostgreSQL is back.",
    ),
    Rule(
        name="ClaudeMemoryQdrantDown",
        topic="qdrant",
        # A replica that waits for PostgreSQL since its start knows nothing of the index, nor does a worker that does
        # not feed it.
        expression=(
            f'min(up{{job="{QDRANT_JOB}"}}) == 0 or max({metrics.QDRANT_UP.name}{{{_APP}}}'
            f" and on (instance) {metrics.POSTGRES_UP.name} == 1) == 0"
        ),
        for_s=60,
        severity=Severity.CRITICAL,
        summary="Qdrant does not answer",
        description=(
            "Qdrant, or a node of it, is away. Searches are answered from PostgreSQL until it is back: "
            "slower with many memories; nothing is lost."
        ),
    ),
    Rule(
        name="ClaudeMemoryIndexBehind",
        topic="index",
        expression=f"max({metrics.INDEX_LAG_SECONDS.name}) > 60",
        for_s=120,
        severity=Severity.WARNING,
        summary="The search index is behind",
        description='The oldest change not in the index is {{ $value | printf "%.0f" }} s old.',
    ),
    Rule(
        name="ClaudeMemoryEmbeddingsDown",
        topic="embeddings",
        # the least: only a process that has asked the service knows that it is down
        expression=f"min({metrics.EMBEDDINGS_UP.name}) == 0",
        for_s=600,
        severity=Severity.WARNING,
        summary="The embedding service does not answer",
        description="For 10 min searches went by words alone, or new memories got no vectors; nothing is lost.",
    ),
    Rule(
        name="ClaudeMemoryBackupTooOld",
        topic="backup",
        expression=f"time() - (max({metrics.BACKUP_LAST_SUCCESS.name}) > 0) > {_BACKUP_AGE_S}",
        for_s=600,
        severity=Severity.WARNING,
        summary=f"The last good backup is over {BACKUP_TOO_OLD_HOURS} hours old",
        description="It was made {{ $value | humanizeDuration }} ago; backups are made every night.",
    ),
    Rule(
        name="ClaudeMemoryBackupMissing",
        topic="backup",
        expression=f"max({metrics.BACKUP_LAST_SUCCESS.name}) == 0",
        for_s=_BACKUP_AGE_S,
        severity=Severity.WARNING,
        summary="No backup was ever made",
        description=f"After {BACKUP_TOO_OLD_HOURS} hours there is still no backup; is BACKUP_TO set, and does the"
        " worker run?",
    ),
    Rule(
        name="ClaudeMemoryWorkerWithoutLeader",
        topic="worker",
        expression=f"sum({metrics.WORKER_LEADER.name}) == 0 or absent({metrics.WORKER_LEADER.name})",
        for_s=120,
        severity=Severity.CRITICAL,
        summary="No worker leads",
        description="The index is not fed, nothing expires and no backup is made until a worker leads again.",
    ),
    Rule(
        name="ClaudeMemoryCertificateExpiring",
        topic="certificate",
        # the latest: a worker that led before may remember the one that was renewed since
        expression=f"max({metrics.CERTIFICATE_EXPIRY.name}) - time() < {14 * DAY_S}",
        for_s=3_600,
        severity=Severity.WARNING,
        summary="The TLS certificate ends within 14 days",
        description="It was not renewed, and {{ $value | humanizeDuration }} are left (below zero: it has ended).",
    ),
    Rule(
        name="ClaudeMemoryAlertDeliveryFailing",
        topic="alerts",
        expression=" or ".join(
            (
                f"max by (instance, target) ({metrics.ALERTS_DELIVERY_FAILING.name}) == 1",
                f"max by (instance, target) ({metrics.ALERTS_QUEUE_AGE.name}) > 300",
                f"sum by (instance, target) "
                f'(increase({metrics.ALERTS_DELIVERIES.name}{{outcome="given_up"}}[15m])) > 0',
                "sum by (instance) (increase(alertmanager_notifications_failed_total[5m])) > 0",
                f'max by (instance) (up{{job=~"{ALERTS_JOB}|{ALERTMANAGER_JOB}"}}) == 0',
            )
        ),
        for_s=300,
        severity=Severity.WARNING,
        summary="Alerts do not reach everybody",
        description=(
            "{{ with $labels.target }}Target {{ . }} of {{ end }}{{ $labels.instance }}: for 5 min alerts came late "
            "or not at all. They are kept and sent again; those given up stay in the receiver's log alone."
        ),
    ),
    Rule(
        name="ClaudeMemoryTargetDown",
        topic="monitoring",
        expression=f'up{{job!~"{"|".join(_JOBS_WITH_RULES)}"}} == 0',
        for_s=300,
        severity=Severity.WARNING,
        summary="A part is not measured",
        description="{{ $labels.job }} on {{ $labels.instance }} has not answered for 5 min; its alerts are blind.",
    ),
    Rule(
        name="ClaudeMemoryWatchdog",
        topic="watchdog",
        expression="vector(1)",
        for_s=0,
        severity=Severity.NONE,
        summary="The alerting works",
        description="Always firing: whoever waits for it and hears nothing knows that alerting is broken.",
    ),
)

RULES: tuple[Rule, ...] = (*_SINGLE, *(rule for threshold in THRESHOLDS for rule in threshold.rules()))


def rules_file() -> str:
    """Return the file Prometheus loads."""
    return yaml.safe_dump(
        {"groups": [{"name": "claude-memory", "rules": [rule.to_yaml() for rule in RULES]}]},
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
