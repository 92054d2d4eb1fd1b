"""Rules for what is overdue: the index, backups, the renewal of the certificate, what waits for memU."""

from __future__ import annotations

from app import metrics
from app.settings.fields import BACKUP_TOO_OLD_HOURS, OUTBOX_TOO_OLD_S, VERIFIED_TOO_OLD_DAYS
from infra.monitoring.jobs import CERTIFICATE
from infra.monitoring.rule import DAY_S, HOUR_S, Rule, Severity

_UNSEEN_S = 900  # three looks of the worker
_ENDS = metrics.CERTIFICATE_EXPIRY.name
# Of a certificate's lifetime. Caddy renews when a third is left: of 90 days, or of the 12 hours of its own authority.
_LAST_PART = 0.2
_BACKUP_AGE_S = BACKUP_TOO_OLD_HOURS * HOUR_S
_VERIFICATION_S = 6 * HOUR_S  # of a large database: it takes a quarter of the time, and is tried three times

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
            claude-memory status --url "$server"
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
            claude-memory backup
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
            claude-memory backup
            ```
        """,
    ),
    Rule(
        name="ClaudeMemoryBackupUnproved",
        topic="backup",
        expression=f"max({metrics.BACKUP_VERIFICATION_DUE.name}) > max({metrics.BACKUP_LAST_VERIFIED.name})",
        for_s=_VERIFICATION_S,
        severity=Severity.WARNING,
        summary="The last verification of a backup failed",
        description=(
            f"No backup was proved since a verification was due {_VERIFICATION_S // HOUR_S} hours ago or more:"
            " it failed, or it did not end."
        ),
        runbook=f"""
            Warning: a verification was due at least {_VERIFICATION_S // HOUR_S} hours ago, and no backup was proved
            since. It restores the newest backup into a scratch database, compares every row and searches there.

            ```sh
            docker logs --tail 200 "$(at app-worker)"
            claude-memory backups list
            claude-memory verify
            ```

            - `is damaged` or `cut short`: make a new backup at once, verify it, and look at the disk or the bucket.
            - `cannot be opened`: `BACKUP_PASSPHRASE` is another one than when the backup was made. Without that
              passphrase the backup is lost: keep the old one until none is left that needs it.
            - `refused to create a database`: the role lacks the right; the message says which.
            - No space: the scratch database needs as much as the real one.
            - `claude-memory verify` by hand ends the alert as well. `BACKUP_VERIFY_SCHEDULE` says when the worker does
              it.
        """,
    ),
    Rule(
        name="ClaudeMemoryBackupVerifiedTooLongAgo",
        topic="backup",
        expression=(
            f"time() - (max({metrics.BACKUP_LAST_VERIFIED.name}) > 0) > {VERIFIED_TOO_OLD_DAYS * DAY_S}"
            f" and max({metrics.BACKUP_VERIFICATION_DUE.name}) > 0"
        ),
        for_s=600,
        severity=Severity.WARNING,
        summary=f"No backup was verified for {VERIFIED_TOO_OLD_DAYS} days",
        description="The last one was verified {{ $value | humanizeDuration }} ago; there should be one every week.",
        runbook=f"""
            Warning: the last verification is more than {VERIFIED_TOO_OLD_DAYS} days old, though the worker makes them.

            ```sh
            claude-memory backups list
            claude-memory settings
            claude-memory verify
            ```

            - `BACKUP_VERIFY_SCHEDULE` is rarer than once a week, or `off`: verify by hand, or set it again.
            - No worker leads: [ClaudeMemoryWorkerWithoutLeader](#claudememoryworkerwithoutleader).
        """,
    ),
    Rule(
        name="ClaudeMemoryCertificateExpiring",
        topic="certificate",
        # the latest: a worker that led earlier may remember a certificate that has been renewed since
        expression=(
            f"max({_ENDS}) - time() < {14 * DAY_S} and max({_ENDS}) - time() < "
            f"{_LAST_PART} * max({metrics.CERTIFICATE_LIFETIME.name})"
        ),
        for_s=3_600,
        severity=Severity.WARNING,
        summary="The TLS certificate expires soon",
        description="It has not been renewed; time left: {{ $value | humanizeDuration }} (negative: it has expired).",
        runbook="""
            Warning, 1 h: 14 days or less are left, and less than a fifth of the time that it is valid in all. Renewals
            begin when a third is left, so they have been failing for long.

            ```sh
            docker logs --tail 100 "$(at proxy)"
            ```

            - Your own certificate (`certificate: {source: own}`): set the new one and its key, `pulumi up`;
              [selfhost.md](selfhost.md#certificates) has the commands.
            - Otherwise the proxy's log says what the authority answered. For one on the internet the DNS name must lead
              to this host, and ports 80 and 443 must be open, unless a DNS record proves the name: then it is the
              credentials of your DNS provider.
            - Once that is fixed, `docker restart "$(at proxy)"` tries again at once.
        """,
    ),
    Rule(
        name="ClaudeMemoryCertificateUnseen",
        topic="certificate",
        expression=(
            f"absent({metrics.CERTIFICATE_EXPIRY.name}) or "
            f'time() - max({metrics.JOB_LAST_SUCCESS.name}{{task="{metrics.CERTIFICATE_TASK}"}}) > {_UNSEEN_S}'
        ),
        for_s=900,
        severity=Severity.WARNING,
        summary="The TLS certificate cannot be seen",
        description="No worker has seen the proxy's certificate of late, so nobody would learn that it expires.",
        needs=CERTIFICATE,
        runbook="""
            Warning, 15 min: the proxy shows no certificate for the domain, or no worker looks.

            ```sh
            docker logs --tail 100 "$(at app-worker)"
            ```

            - The worker's log says what it met ("shows no certificate"). It asks the proxy itself, whatever the DNS
              says.
            - The proxy has none: it is not there, or the authority refuses it. Its log says why, on its host; see
              [ClaudeMemoryCertificateExpiring](#claudememorycertificateexpiring).
            - The worker is down: [ClaudeMemoryWorkerWithoutLeader](#claudememoryworkerwithoutleader).
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
