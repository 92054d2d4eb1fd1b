"""Rules about the monitoring itself: alerts that do not arrive, targets that are not scraped, the watchdog."""

from __future__ import annotations

from app import metrics
from infra.monitoring.jobs import ALERTMANAGER_JOB, ALERTS_JOB, APP_JOB, PROXY_JOB, QDRANT_JOB
from infra.monitoring.rule import Rule, Severity

# Jobs with an alert of their own; ClaudeMemoryTargetDown is for all others.
_JOBS_WITH_RULES = (APP_JOB, PROXY_JOB, QDRANT_JOB, ALERTS_JOB, ALERTMANAGER_JOB)

ALERTING = (
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
        summary="Alerts do not reach everyone",
        description=(
            "{{ with $labels.target }}Target {{ . }} of {{ end }}{{ $labels.instance }}: for 5 min alerts have been "
            "late or lost. Those that can still be delivered are retried; the others are only in the receiver's log."
        ),
    ),
    Rule(
        name="ClaudeMemoryTargetDown",
        topic="monitoring",
        expression=f'up{{job!~"{"|".join(_JOBS_WITH_RULES)}"}} == 0',
        for_s=300,
        severity=Severity.WARNING,
        summary="A scrape target is down",
        description=(
            "{{ $labels.job }} on {{ $labels.instance }} has not answered for 5 min; alerts that need it cannot fire."
        ),
    ),
    Rule(
        name="ClaudeMemoryWatchdog",
        topic="watchdog",
        expression="vector(1)",
        for_s=0,
        severity=Severity.NONE,
        summary="Alerting works",
        description="Always firing. When it stops arriving, alerting is broken.",
    ),
)
