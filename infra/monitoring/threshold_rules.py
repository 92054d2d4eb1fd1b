"""Quantities with a warning limit and a critical one: disk, memory, CPU, response time, database size."""

from __future__ import annotations

from app import metrics
from infra.monitoring.rule import Threshold

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
