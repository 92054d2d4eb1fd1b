"""Cases of host_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import (
    APP_1,
    HOST,
    PG,
    PROXY,
    QDRANT_1,
    Alert,
    Case,
    counted,
    held,
    of_node,
)

_STARTED = 'process_start_time_seconds{job="proxy",instance="proxy:2019"}'


def _again(job: str, instance: str) -> tuple[Alert]:
    text = f"{job} on {instance} started, or went away and came back, more than 2 times within 30 min."
    return (Alert(text, {"job": job, "instance": instance}),)


def _flapping(down: int, up_s: int = 120, down_s: int = 20) -> str:
    """Return an `up` that is away so often, and then stays."""
    return held(*((1, up_s), (0, down_s)) * down, (1, 2_400))


RESTARTING = [
    Case(
        "the proxy dies and is started again, three times",
        {_STARTED: held((1, 600), (2, 100), (3, 100), (4, 2_400)), PROXY: held((1, 3_200))},
        {855: (), 860: _again("proxy", "proxy:2019"), 2_390: _again("proxy", "proxy:2019"), 2_405: ()},
    ),
    Case(
        "Qdrant, which tells nothing, is seen going away",
        {QDRANT_1: _flapping(3)},
        {455: (), 460: _again("qdrant", "qdrant-1:6333"), 1_935: _again("qdrant", "qdrant-1:6333"), 1_940: ()},
    ),
    Case(
        "PostgreSQL, through its exporter",
        {PG: _flapping(3)},
        {455: (), 460: _again("postgres", "postgres-exporter:9187"), 2_400: ()},
    ),
    Case(
        "two updates within half an hour, each of which starts everything once",
        {
            _STARTED: held((1, 600), (2, 300), (3, 1_800)),
            **dict.fromkeys((APP_1, PG, QDRANT_1), _flapping(2)),
        },
        dict.fromkeys(range(0, 2_700, 60), ()),
    ),
]

_KILLED = (
    Alert("On node-exporter:9100 a process was killed because its container, or the host, had no memory left.", HOST),
)
OUT_OF_MEMORY = [
    Case(
        "one process is killed",
        {of_node("vmstat_oom_kill"): held((7, 600), (8, 1_800))},
        {595: (), 600: _KILLED, 1_490: _KILLED, 1_500: ()},
    ),
    Case(
        "kills of long ago, and a host that was started anew and counts from 0",
        {of_node("vmstat_oom_kill"): held((7, 600), (0, 1_200))},
        dict.fromkeys(range(0, 1_800, 60), ()),
    ),
    Case(
        "again and again",
        {of_node("vmstat_oom_kill"): counted((0, 300), (0.2, 300))},
        {295: (), 400: _KILLED},
    ),
]


def _started(ago: str) -> tuple[Alert]:
    return (Alert(f"node-exporter:9100 was started {ago} ago.", HOST),)


REBOOTED = [
    Case(
        "a host is started, and its exporter answers a minute later",
        {of_node("boot_time_seconds"): held((-900, 600), (None, 60), (610, 1_200))},
        {
            595: (),
            660: _started("50s"),
            1_505: _started("14m 55s"),
            1_510: (),
        },
    ),
    Case(
        "a host that has run for long, whose clock is set",
        {of_node("boot_time_seconds"): held((-9_000, 600), (-8_995, 600))},
        dict.fromkeys(range(0, 1_200, 60), ()),
    ),
]

HOST_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryRestarting": RESTARTING,
    "ClaudeMemoryOutOfMemory": OUT_OF_MEMORY,
    "ClaudeMemoryHostRebooted": REBOOTED,
}
