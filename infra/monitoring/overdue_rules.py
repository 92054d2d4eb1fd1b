"""Rules for what is overdue: the index, backups, the renewal of the certificate."""

from __future__ import annotations

from app import metrics
from app.settings.fields import BACKUP_TOO_OLD_HOURS
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
    ),
    Rule(
        name="ClaudeMemoryBackupTooOld",
        topic="backup",
        expression=f"time() - (max({metrics.BACKUP_LAST_SUCCESS.name}) > 0) > {_BACKUP_AGE_S}",
        for_s=600,
        severity=Severity.WARNING,
        summary=f"The last good backup is over {BACKUP_TOO_OLD_HOURS} hours old",
        description="It was made {{ $value | humanizeDuration }} ago; there should be one every night.",
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
    ),
)
