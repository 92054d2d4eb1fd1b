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
        runbook="""
            Warning: alerts are late, or do not reach everyone. All of them are in the receiver's log.

            ```sh
            curl -s -H "Authorization: Bearer $ALERTS_TOKEN" http://127.0.0.1:8081/alerts
            docker logs --tail 50 "$(at alerts)"
            ```

            - `targets` names the target and the last error. If the key was refused, correct the target's setting
              (`ALERTS_SLACK_URL` and the like, [alerts.md](alerts.md)) and restart the receiver, which then sends the
              queued alerts.
            - Until then read the page at `/alerts` in a browser.
        """,
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
        runbook="""
            Warning: an exporter or the worker does not answer Prometheus, so alerts that need it cannot fire.

            ```sh
            curl -s http://127.0.0.1:9090/api/v1/targets
            docker restart "$(at data-node)"
            ```
        """,
    ),
    Rule(
        name="ClaudeMemoryWatchdog",
        topic="watchdog",
        expression="vector(1)",
        for_s=0,
        severity=Severity.NONE,
        summary="Alerting works",
        description="Always firing. When it stops arriving, alerting is broken.",
        runbook="""
            Always firing: it proves that alerting works. A service outside expects it every 5 minutes (`watchdogUrl`,
            see [alerts.md](alerts.md#what-is-told)). If it stops, check Prometheus, then Alertmanager, then the
            receiver:

            ```sh
            curl -s http://127.0.0.1:9090/-/ready
            curl -s http://127.0.0.1:9093/-/ready
            curl -s http://127.0.0.1:8081/health
            ```
        """,
    ),
)
