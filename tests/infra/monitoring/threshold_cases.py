"""Cases of threshold_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import (
    HOST,
    STEP_S,
    Alert,
    Case,
    counted,
    held,
    of_app,
    of_node,
)


def disk(limit: int) -> list[Case]:
    root = ',device="/dev/vda1",fstype="ext4",mountpoint="/"'
    labels = {**HOST, "device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
    other = ',device="/dev/vdb1",fstype="xfs",mountpoint="/srv"'
    full = [
        ',device="tmpfs",fstype="tmpfs",mountpoint="/tmp"',
        ',device="overlay",fstype="overlay",mountpoint="/var/lib/docker/overlay2/a/merged"',
        ',device="/dev/loop0",fstype="squashfs",mountpoint="/snap/core/1"',
        ',device="/dev/sr0",fstype="iso9660",mountpoint="/media/cdrom"',
        ',device="/dev/vda2",fstype="ext4",mountpoint="/boot"',
    ]
    over = f"Disk use is at {limit + 1} % on node-exporter:9100 /, over {limit} % for 5 min."
    return [
        Case(
            "one of two fills up, then is cleared",
            {
                of_node("filesystem_size_bytes", root): held((100, 450)),
                of_node("filesystem_avail_bytes", root): held((50, 60), (99 - limit, 330), (50, 60)),
                of_node("filesystem_size_bytes", other): held((100, 450)),
                of_node("filesystem_avail_bytes", other): held((50, 450)),
            },
            {355: (), 360: (Alert(over, labels),), 390: ()},
        ),
        Case(
            "exactly at the limit; full file systems that are not real disks",
            {
                of_node("filesystem_size_bytes", root): held((100, 600)),
                of_node("filesystem_avail_bytes", root): held((100 - limit, 600)),
                **{of_node("filesystem_size_bytes", one): held((100, 600)) for one in full},
                **{of_node("filesystem_avail_bytes", one): held((0, 600)) for one in full},
            },
            {595: ()},
        ),
        Case(
            "full for less than 5 min",
            {
                of_node("filesystem_size_bytes", root): held((100, 600)),
                of_node("filesystem_avail_bytes", root): held((1, 295), (50, 305)),
            },
            {295: (), 595: ()},
        ),
    ]


def memory(limit: int) -> list[Case]:
    over = f"Memory use is at {limit + 1} % on node-exporter:9100, over {limit} % for 5 min."
    total = {of_node("memory_MemTotal_bytes"): held((100, 600))}
    available = of_node("memory_MemAvailable_bytes")
    return [
        Case(
            "little is left, then more",
            {**total, available: held((50, 60), (99 - limit, 330), (50, 60))},
            {355: (), 360: (Alert(over, HOST),), 390: ()},
        ),
        Case("at the limit", {**total, available: held((100 - limit, 600))}, {595: ()}),
        Case("for less than 5 min", {**total, available: held((1, 295), (50, 305))}, {295: (), 595: ()}),
    ]


def cpu(limit: int) -> list[Case]:
    over = f"CPU use is at {limit + 1} % on node-exporter:9100, over {limit} % for 10 min."
    idle = [of_node("cpu_seconds_total", f',cpu="{number}",mode="idle"') for number in (0, 1)]
    busy = of_node("cpu_seconds_total", ',cpu="0",mode="user"')
    rest = (99 - limit) / 100
    return [
        Case(
            "both are busy, then idle",
            {one: counted((rest, 700), (1, 600)) for one in idle},
            # two samples make the first rate
            {600: (), 605: (Alert(over, {"instance": HOST["instance"]}),), 1_100: ()},
        ),
        Case(
            "just under the limit, one more than the other",
            {
                idle[0]: counted((rest, 1_200)),
                idle[1]: counted((rest + 0.03, 1_200)),
                busy: counted((1, 1_200)),
            },
            dict.fromkeys(range(600, 1200, 60), ()),
        ),
        Case(
            "busy for five minutes",
            {one: counted((1, 600), (0, 300), (1, 900)) for one in idle},
            dict.fromkeys(range(600, 1800, STEP_S), ()),
        ),
    ]


def response(limit: int) -> list[Case]:
    over = f"Mean response time is {limit}.1 s on app-1:8080, over {limit} s for 2 min."
    slow, quick = of_app("avg_response_time_seconds"), of_app("avg_response_time_seconds", "app-2:8080")
    labels = {"job": "claude-memory", "instance": "app-1:8080"}
    return [
        Case(
            "one replica is slow, then as fast as the other",
            {slow: held((0.1, 60), (limit + 0.1, 150), (0.1, 60)), quick: held((0.1, 270))},
            {175: (), 180: (Alert(over, labels),), 210: ()},
        ),
        Case("at the limit", {slow: held((limit, 600))}, {595: ()}),
        Case("slow for less than 2 min", {slow: held((60, 115), (0.1, 60))}, {115: (), 170: ()}),
    ]


def database(gigabytes: int) -> list[Case]:
    over = f"Database size is {gigabytes}.1GB, over {gigabytes} GB for 5 min."
    one, other = of_app("database_bytes"), of_app("database_bytes", "app-2:8080")
    much = (gigabytes + 0.1) * 1e9
    return [
        Case(
            "it grows, then is cleaned up; two replicas report the same: one alert",
            {series: held((1e6, 60), (much, 330), (1e6, 60)) for series in (one, other)},
            {355: (), 360: (Alert(over),), 390: ()},
        ),
        Case("at the limit", {one: held((gigabytes * 1e9, 600))}, {595: ()}),
        Case("for less than 5 min", {one: held((5e9, 295), (1e6, 60))}, {295: (), 350: ()}),
    ]


THRESHOLD_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryDiskFilling": disk(80),
    "ClaudeMemoryDiskAlmostFull": disk(90),
    "ClaudeMemoryMemoryHigh": memory(85),
    "ClaudeMemoryMemoryCritical": memory(95),
    "ClaudeMemoryCPUHigh": cpu(80),
    "ClaudeMemoryCPUCritical": cpu(90),
    "ClaudeMemoryHighResponseTime": response(5),
    "ClaudeMemoryResponseTimeCritical": response(10),
    "ClaudeMemoryDatabaseGrowing": database(1),
    "ClaudeMemoryDatabaseLarge": database(2),
}
