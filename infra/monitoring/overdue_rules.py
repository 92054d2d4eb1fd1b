"""Rules for what is overdue: the index, backups, the renewal of the certificate, what waits for memU."""

from __future__ import annotations

from app import metrics
from app.settings.fields import BACKUP_TOO_OLD_HOURS, OUTBOX_TOO_OLD_S
from infra.monitoring.rule import DAY_S, HOUR_S, Rule, Severity

_BACKUP_AGE_S = BACKUP_TOO_OLD_HOURS * HOUR_S

OVERDUE = (
    Rule(
        name="ClaudeMemoryIndexBehind",
        topic="index",
        expression=f"max({metrics.INDEX_LAG_SECONDS.name}) > 60",
        for_s=120,
        severity=Severity.WARNING,
        summary="The search index is behind",
        description='The oldest change missing from the index is {{ $value | printf "%.0f" }} s old.',
        runbook="""
            Warning, 60 s behind for 2 min. Searches stay correct: memories missing from the index are scored from
            PostgreSQL.

            ```sh
            claude-memory status --url http://127.0.0.1:8000 --token-file ops.token
            psql -c "select pid, usename, state, now() - xact_start as open_for, left(query, 60) from pg_stat_activity where xact_start is not null order by xact_start limit 5"
            ```

            - After a large import it passes by itself; watch `claude_memory_index_lag_changes` fall.
            - No worker leads: [ClaudeMemoryWorkerWithoutLeader](#claudememoryworkerwithoutleader).
            - A transaction that stays open for minutes delays it: end it with `select pg_terminate_backend(PID)` in
              psql.
            - Qdrant is slow: check its CPU and disk.
        """,  # noqa: E501 - commands to paste
    ),
    Rule(
        name="ClaudeMemoryBackupTooOld",
        topic="backup",
        expression=f"time() - (max({metrics.BACKUP_LAST_SUCCESS.name}) > 0) > {_BACKUP_AGE_S}",
        for_s=600,
        severity=Severity.WARNING,
        summary=f"The last good backup is over {BACKUP_TOO_OLD_HOURS} hours old",
        description="It was made {{ $value | humanizeDuration }} ago; there should be one every night.",
        runbook=f"""
            Warning: the newest backup is more than {BACKUP_TOO_OLD_HOURS} hours old.

            ```sh
            claude-memory backups list
            docker logs --tail 200 "$(at app-worker)"
            claude-memory backup /var/backups/claude-memory/
            ```

            - The worker's log says why: no space, no permission to write, a key refused by the store. Fix that, then
              back up by hand.
            - No worker leads: [ClaudeMemoryWorkerWithoutLeader](#claudememoryworkerwithoutleader).
        """,
    ),
    Rule(
        name="ClaudeMemoryBackupMissing",
        topic="backup",
        expression=f"max({metrics.BACKUP_LAST_SUCCESS.name}) == 0",
        for_s=_BACKUP_AGE_S,
        severity=Severity.WARNING,
        summary="No backup has ever been made",
        description=(
            f"There is still no backup after {BACKUP_TOO_OLD_HOURS} hours; is BACKUP_TO set, and is the worker running?"
        ),
        runbook=f"""
            Warning: there is still no backup after {BACKUP_TOO_OLD_HOURS} hours. `BACKUP_TO` is not set for the worker,
            `BACKUP_SCHEDULE` is `off`, or every attempt failed. After a restore the list is the one in that backup:
            make a new backup.

            ```sh
            claude-memory settings
            claude-memory backup /var/backups/claude-memory/
            ```
        """,
    ),
    Rule(
        name="ClaudeMemoryCertificateExpiring",
        topic="certificate",
        # the latest: a worker that led earlier may remember a certificate that has been renewed since
        expression=f"max({metrics.CERTIFICATE_EXPIRY.name}) - time() < {14 * DAY_S}",
        for_s=3_600,
        severity=Severity.WARNING,
        summary="The TLS certificate expires within 14 days",
        description="It has not been renewed; time left: {{ $value | humanizeDuration }} (negative: it has expired).",
        runbook="""
            Warning: 14 days or less are left, so the renewal has been failing for weeks.

            ```sh
            docker logs --tail 100 "$(at proxy)"
            ```

            - The DNS name must point to this host, and ports 80 and 443 must be open to the internet, or Caddy cannot
              renew it.
            - Once that is fixed, `docker restart "$(at proxy)"` tries again at once.
        """,
    ),
    Rule(
        name="ClaudeMemoryOutboxTooOld",
        topic="memu",
        expression=f"max({metrics.OUTBOX_AGE.name}) > {OUTBOX_TOO_OLD_S}",
        for_s=300,
        severity=Severity.WARNING,
        summary="Writes wait too long for memU",
        description="The oldest write that memU has yet to take is {{ $value | humanizeDuration }} old; none is lost.",
        runbook=f"""
            Warning, 5 min: the oldest write that memU has yet to take is over {OUTBOX_TOO_OLD_S // 60} minutes old. It
            is in PostgreSQL and found by its words; nothing is lost.

            ```sh
            claude-memory outbox list
            claude-memory doctor
            ```

            - memU does not answer or is slow: its line in `doctor` says which. Sending goes on by itself.
            - memU refuses the key: [ClaudeMemoryMemuKeyRefused](#claudememorymemukeyrefused).
            - `MEMORY_BACKEND` is `local` again, and no one sends: set `memu` or `both` until the outbox is empty, or
              `claude-memory outbox drop`.
        """,
    ),
    Rule(
        name="ClaudeMemoryMemuRefuses",
        topic="memu-refusals",
        expression=f"max({metrics.OUTBOX_REFUSED.name}) > 0",
        for_s=60,
        severity=Severity.WARNING,
        summary="memU refuses writes",
        description='{{ $value | printf "%.0f" }} of the outbox were refused by memU and wait for a person.',
        runbook="""
            Warning, 1 min: memU refused entries of the outbox, by a status of 400 or by a task that failed. They are
            kept, and the others are sent past them.

            ```sh
            claude-memory outbox list --refused
            claude-memory outbox retry --all
            ```

            - A task that failed at memU often succeeds the second time.
            - Refused again: `outbox list --refused --show-text` shows the text. Drop it with `outbox drop ID`; with
              `MEMORY_BACKEND=memu` it is then gone.
        """,
    ),
)
