"""Rules for the archive of PostgreSQL's log: what waits, what is lacking, and base backups that are due."""

from __future__ import annotations

from app import metrics
from infra.monitoring.rule import HOUR_S, Rule, Severity

LAG_S = 300
_BASE_S = 6 * HOUR_S

ARCHIVE = (
    Rule(
        name="ClaudeMemoryLogArchiveBehind",
        topic="log-archive",
        expression=f"max({metrics.WAL_ARCHIVE_LAG.name}) > {LAG_S}",
        for_s=60,
        severity=Severity.CRITICAL,
        summary="PostgreSQL's log does not reach the bucket",
        description=(
            "A finished file of it has been waiting for {{ $value | humanizeDuration }}; if the host were lost now, all"
            " that was written since then would be lost."
        ),
        runbook=f"""
            Critical: a finished file of the log has been waiting for more than {LAG_S // 60} minutes. PostgreSQL keeps
            all of it until it is in the bucket, so its disk fills as long as this lasts.

            ```sh
            docker logs --tail 50 "$(at postgres-archive)"
            docker logs --tail 50 "$(at postgres-base)"
            docker logs --tail 50 "$(at postgres)"
            ```

            - `postgres-archive` names what the bucket answers: a refused key, no such bucket, no connection.
            - PostgreSQL's own log has `archive command failed`: the volume of the log is full, or was made by hand.
            - `postgres-base` does not report: `docker restart "$(at postgres-base)"`.
            - The disk fills and the bucket stays away: make room first
              ([ClaudeMemoryDiskAlmostFull](#claudememorydiskalmostfull)). Never delete files in `pg_wal`.
        """,
    ),
    Rule(
        name="ClaudeMemoryLogArchiveIncomplete",
        topic="log-archive",
        expression=f"max({metrics.WAL_ARCHIVE_MISSING.name}) > 0",
        for_s=_BASE_S,
        severity=Severity.WARNING,
        summary="The archive of the log has a gap",
        description='{{ $value | printf "%.0f" }} files are lacking in the bucket; no restore gets past them.',
        runbook=f"""
            Warning, {_BASE_S // HOUR_S} hours: files of the log are lacking between the newest base backup and the end.
            A new base backup was asked for at once, and ends this; it has not come.

            ```sh
            docker exec "$(at postgres-archive)" claude-memory wal list
            docker logs --tail 50 "$(at postgres-base)"
            ```

            - Someone, or a lifecycle rule of the bucket, deletes files there: end that.
            - The base backup fails: the log of `postgres-base` says why (mostly no space for it on the host).
        """,
    ),
    Rule(
        name="ClaudeMemoryBaseBackupOverdue",
        topic="log-archive",
        expression=f"max({metrics.WAL_BASE_OVERDUE.name}) > {_BASE_S}",
        for_s=600,
        severity=Severity.WARNING,
        summary="A base backup for the log is overdue",
        description="It has been due for {{ $value | humanizeDuration }}; a restore has to read all of the log since.",
        runbook=f"""
            Warning: a base backup has been due for more than {_BASE_S // HOUR_S} hours (`WAL_BASE_HOURS`).

            ```sh
            docker logs --tail 50 "$(at postgres-base)"
            docker logs --tail 50 "$(at postgres-archive)"
            ```

            - No space: twice the size of a compressed copy of the database is needed on the host's volume.
            - It waits for the log: [ClaudeMemoryLogArchiveBehind](#claudememorylogarchivebehind).
        """,
    ),
)
