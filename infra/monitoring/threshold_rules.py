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
        warning_runbook="""
            Warning, 80 %. Find out what is growing:

            ```sh
            df -h
            docker system df
            psql -c "select relname, pg_size_pretty(pg_total_relation_size(oid)) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by pg_total_relation_size(oid) desc limit 5"
            ```

            - Backups: `claude-memory backups prune --dry-run`, then without it; lower `BACKUP_KEEP_DAILY`, or
              keep backups in an object store.
            - Old images: `python -m infra.selfhost images clean`, for a stack; `docker image prune`. The database:
              [ClaudeMemoryDatabaseGrowing](#claudememorydatabasegrowing).
        """,  # noqa: E501 - commands to paste
        critical_runbook="""
            Critical, 90 %: a full disk stops PostgreSQL. [P1](#p1-degraded). First delete what can be replaced, in this
            order, then continue with [ClaudeMemoryDiskFilling](#claudememorydiskfilling):

            ```sh
            docker image prune --force
            claude-memory backups prune
            claude-memory maintain
            ```

            Never delete a file in PostgreSQL's data directory, least of all in `pg_wal`. Do not run `reindex` or
            `restore` now: they need disk space for old and new data.
        """,
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
        warning_runbook="""
            Warning, 85 %. Find the process; a replica uses about 200 MB.

            ```sh
            docker stats --no-stream
            free -m
            ```

            - Qdrant grows with vectors: `QDRANT_ON_DISK=on` and `claude-memory reindex`.
            - PostgreSQL takes half of `hosts: {data: {memoryMb: …}}`: check that this is what the host has.
        """,
        critical_runbook="""
            Critical, 95 %: soon the kernel will kill the largest process. As for
            [ClaudeMemoryMemoryHigh](#claudememorymemoryhigh); restart the largest process that is not PostgreSQL.
        """,
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
        warning_runbook="""
            Warning, 80 % for 10 min.

            ```sh
            docker stats --no-stream
            psql -c "select pid, now() - query_start as runs, left(query, 60) from pg_stat_activity where state = 'active' order by query_start limit 5"
            curl -s http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=sum by (instance) (rate(claude_memory_requests_total[5m]))'
            ```

            - After an import or with a new embedding model: wait until it is done.
            - One user makes calls without pause: `claude_memory_requests_total` rises; lower `RATE_LIMIT_PER_MINUTE`,
              or revoke the token.
            - It is the normal load: add replicas, or give the data a host of its own.
        """,  # noqa: E501 - commands to paste
        critical_runbook="""
            Critical, 90 % for 10 min. As for [ClaudeMemoryCPUHigh](#claudememorycpuhigh); responses are usually slow as
            well.
        """,
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
        warning_runbook="""
            Warning, 5 s on average for 2 min.

            ```sh
            claude-memory doctor
            psql -c "select pid, now() - query_start as runs, wait_event_type, left(query, 60) from pg_stat_activity where state = 'active' order by query_start limit 5"
            ```

            - Searches are degraded and there are many memories: [ClaudeMemoryQdrantDown](#claudememoryqdrantdown).
            - Statements wait for a lock: the oldest statement holds it.
            - The disk or the processor is busy: see their alerts.
            - Only the first calls after a start were slow: it passes by itself.
        """,  # noqa: E501 - commands to paste
        critical_runbook="""
            Critical, 10 s: users give up. [P1](#p1-degraded). As for
            [ClaudeMemoryHighResponseTime](#claudememoryhighresponsetime).
        """,
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
        warning_runbook="""
            Warning, 1 GB: more than the deployment was planned for. Harmless in itself.

            ```sh
            claude-memory user list
            claude-memory maintain --dry-run
            ```

            - One user stores a lot: [set a quota](#users-and-quotas).
            - Many memories are archived or old: `claude-memory maintain --cleanup-days 30`.
            - The growth is wanted: give the host more memory and disk.
        """,
        critical_runbook="""
            Critical, 2 GB. As for [ClaudeMemoryDatabaseGrowing](#claudememorydatabasegrowing). Check that a backup, a
            verification and a restore still fit on the disk: each needs about the size of the database.
        """,
    ),
)
