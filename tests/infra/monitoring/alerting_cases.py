"""Cases of alerting_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import (
    ALERTMANAGER_FAILED,
    APP_1,
    HOST,
    PROXY,
    QDRANT_1,
    STEP_S,
    Alert,
    Case,
    counted,
    held,
    of_receiver,
    up,
)


def _late(subject: str, **labels: str) -> Alert:
    return Alert(
        f"{subject}: for 5 min alerts have been late or lost. Those that can still be delivered are retried; "
        "the others are only in the receiver's log.",
        labels,
    )


_SLACK = _late("Target slack of alerts:8081", instance="alerts:8081", target="slack")
DELIVERY = [
    Case(
        "a target fails, and works again",
        {
            of_receiver("delivery_failing", "slack"): held((0, 60), (1, 330), (0, 60)),
            of_receiver("delivery_failing", "mail"): held((0, 450)),
        },
        {355: (), 360: (_SLACK,), 390: ()},
    ),
    Case(
        "messages wait for over 5 min: one alert, even when attempts begin to fail",
        {
            of_receiver("queue_age_seconds", "slack"): held((300, 60), (301, 330), (300, 60)),
            of_receiver("delivery_failing", "slack"): held((0, 100), (1, 250), (0, 100)),
        },
        {355: (), 360: (_SLACK,), 390: ()},
    ),
    Case(
        "a message was given up: firing for 15 min",
        {of_receiver("deliveries_total", "slack", ',outcome="given_up"'): held((0, 60), (1, 1_200))},
        {355: (), 360: (_SLACK,), 900: (_SLACK,), 980: ()},
    ),
    Case(
        "Alertmanager does not reach the receiver",
        {ALERTMANAGER_FAILED: counted((0, 60), (0.1, 340), (0, 600))},
        {360: (), 365: (_late("alertmanager:9093", instance="alertmanager:9093"),), 750: ()},
    ),
    Case(
        "the receiver is down, and back",
        {up("alerts", "alerts:8081"): held((1, 60), (0, 330), (1, 60))},
        {355: (), 360: (_late("alerts:8081", instance="alerts:8081"),), 390: ()},
    ),
    Case(
        "Alertmanager is down",
        {up("alertmanager", "alertmanager:9093"): held((1, 60), (0, 330))},
        {355: (), 360: (_late("alertmanager:9093", instance="alertmanager:9093"),)},
    ),
    Case(
        "failed attempts that are retried in time, one failed call of Alertmanager",
        {
            of_receiver("delivery_failing", "slack"): held((0, 60), (1, 295), (0, 300)),
            of_receiver("queue_age_seconds", "slack"): held((0, 60), (300, 595)),
            of_receiver("deliveries_total", "slack", ',outcome="failed"'): counted((0, 60), (1, 595)),
            ALERTMANAGER_FAILED: held((0, 60), (1, 595)),
            up("alerts", "alerts:8081"): held((1, 655)),
        },
        dict.fromkeys(range(300, 655, STEP_S), ()),
    ),
]

TARGET = [
    Case(
        "the exporter of a host is down, then up again",
        {up("node", "node-exporter:9100"): held((1, 60), (0, 330), (1, 60))},
        {
            355: (),
            360: (
                Alert("node on node-exporter:9100 has not answered for 5 min; alerts that need it cannot fire.", HOST),
            ),
            390: (),
        },
    ),
    Case(
        "jobs that have an alert of their own",
        {one: held((0, 600)) for one in (APP_1, PROXY, QDRANT_1, up("alerts", "a:1"), up("alertmanager", "a:2"))},
        {595: ()},
    ),
    Case("a restart", {up("postgres", "postgres-exporter:9187"): held((1, 60), (0, 295), (1, 60))}, {360: (), 410: ()}),
]

WATCHDOG = [
    Case(
        "always",
        {},
        {moment: (Alert("Always firing. When it stops arriving, alerting is broken."),) for moment in (0, 600)},
    )
]

ALERTING_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryAlertDeliveryFailing": DELIVERY,
    "ClaudeMemoryTargetDown": TARGET,
    "ClaudeMemoryWatchdog": WATCHDOG,
}
