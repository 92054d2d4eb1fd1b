"""Declares every metric: its name, kind, subject, help, unit and labels.

Alert rules and dashboards may use only names in CATALOGUE; `app.measuring` holds the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "claude_memory_"


class MetricKind(StrEnum):
    """How Prometheus reads a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Subject(StrEnum):
    """What a metric is about: the title of its row in the dashboard, in the order of the rows."""

    CALLS = "Calls"
    MEMORIES = "Memories"
    WORK = "Background work"
    ALERTS = "Alerts"
    PROCESS = "Processes and others"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    kind: MetricKind
    subject: Subject
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names it has in Prometheus."""
        if self.kind is MetricKind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


UPTIME = Metric(
    f"{PREFIX}uptime_seconds", MetricKind.GAUGE, Subject.PROCESS, "Time since the process started.", "seconds"
)
REQUESTS = Metric(
    f"{PREFIX}requests_total",
    MetricKind.COUNTER,
    Subject.CALLS,
    "Tool calls. outcome is ok, or the code of the error (see app/errors.py).",
    "calls",
    ("tool", "outcome"),
)
DURATION = Metric(
    f"{PREFIX}request_duration_seconds",
    MetricKind.HISTOGRAM,
    Subject.CALLS,
    "Duration of tool calls.",
    "seconds",
    ("tool",),
)
AVERAGE = Metric(
    f"{PREFIX}avg_response_time_seconds",
    MetricKind.GAUGE,
    Subject.CALLS,
    "Mean duration of the calls of the last 5 minutes, at most the last 1,000; 0 when there were none.",
    "seconds",
)
POSTGRES_UP = Metric(f"{PREFIX}postgres_up", MetricKind.GAUGE, Subject.MEMORIES, "1 when PostgreSQL answers.")
POSTGRES_STANDBYS = Metric(
    f"{PREFIX}postgres_standbys",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "Standbys of PostgreSQL that copy it now, each by a replication slot.",
)
QDRANT_UP = Metric(
    f"{PREFIX}qdrant_up", MetricKind.GAUGE, Subject.MEMORIES, "1 when the search index answers, embedded or server."
)
EMBEDDINGS_UP = Metric(
    f"{PREFIX}embeddings_up",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "1 when the embedding service, or the model on this machine, answers; present when there is one.",
)
RERANK_UP = Metric(
    f"{PREFIX}rerank_up",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "1 when the rerank service answers; present when there is one.",
)
MEMORIES = Metric(
    f"{PREFIX}memories",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "Memories of all users; each piece of a long text counts.",
    "memories",
)
DATABASE_BYTES = Metric(
    f"{PREFIX}database_bytes", MetricKind.GAUGE, Subject.MEMORIES, "Size of the database on disk.", "bytes"
)
INDEX_LAG_SECONDS = Metric(
    f"{PREFIX}index_lag_seconds",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "Age of the oldest change the index has not applied.",
    "seconds",
)
INDEX_LAG_CHANGES = Metric(
    f"{PREFIX}index_lag_changes", MetricKind.GAUGE, Subject.MEMORIES, "Changes the index has not applied.", "changes"
)
BACKUP_LAST_SUCCESS = Metric(
    f"{PREFIX}backup_last_success_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "Time of the data in the newest backup; 0 when there is no backup.",
    "seconds since 1970",
)
BACKUP_LAST_VERIFIED = Metric(
    f"{PREFIX}backup_last_verified_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "When a backup was last verified; 0: never.",
    "seconds since 1970",
)
BACKUP_VERIFICATION_DUE = Metric(
    f"{PREFIX}backup_verification_due_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.MEMORIES,
    "When the worker was last to verify a backup; 0: never.",
    "seconds since 1970",
)
OPEN_SESSIONS = Metric(f"{PREFIX}open_sessions", MetricKind.GAUGE, Subject.CALLS, "Open SSE sessions.", "sessions")
RATE_LIMITED = Metric(
    f"{PREFIX}rate_limited_total", MetricKind.COUNTER, Subject.CALLS, "Requests refused by the rate limit.", "requests"
)
SIGN_INS = Metric(
    f"{PREFIX}sign_ins_total",
    MetricKind.COUNTER,
    Subject.CALLS,
    "Steps of client sign-ins. outcome: registered, allowed, denied, wrong_proof, signed_in, revoked, code_replayed,"
    " refresh_reused.",
    "steps",
    ("outcome",),
)
STARTUP = Metric(
    f"{PREFIX}startup_seconds",
    MetricKind.GAUGE,
    Subject.PROCESS,
    "When a step of the start was done, in seconds from the start of the process.",
    "seconds",
    ("step",),
)
MODEL_TOKENS = Metric(
    f"{PREFIX}model_tokens_total",
    MetricKind.COUNTER,
    Subject.CALLS,
    "Tokens sent to models, as the models count them.",
    "tokens",
    ("model",),
)
RERANKS = Metric(
    f"{PREFIX}reranks_total",
    MetricKind.COUNTER,
    Subject.CALLS,
    "Searches whose results the rerank service was to order. outcome is ok, late (not within RERANK_SECONDS), the code"
    " of the error (see app/errors.py), or paused (not asked, for a while after a failure).",
    "searches",
    ("outcome",),
)
MEMU_UP = Metric(
    f"{PREFIX}memu_up",
    MetricKind.GAUGE,
    Subject.WORK,
    "1 when the memU service answers; present when MEMORY_BACKEND uses it.",
)
MEMU_KEY_REFUSED = Metric(
    f"{PREFIX}memu_key_refused",
    MetricKind.GAUGE,
    Subject.WORK,
    "1 while memU refuses the key.",
)
MEMU_REQUESTS = Metric(
    f"{PREFIX}memu_requests_total",
    MetricKind.COUNTER,
    Subject.WORK,
    "Requests to memU. operation is memorize or status; outcome is ok, the code of the error (see app/errors.py), or"
    " no_answer when it was broken off.",
    "requests",
    ("operation", "outcome"),
)
OUTBOX_WAITING = Metric(
    f"{PREFIX}outbox_waiting",
    MetricKind.GAUGE,
    Subject.WORK,
    "Writes that memU has yet to take, of all users.",
    "entries",
)
OUTBOX_AGE = Metric(
    f"{PREFIX}outbox_age_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "Age of the oldest of these; 0 when there is none.",
    "seconds",
)
OUTBOX_REFUSED = Metric(
    f"{PREFIX}outbox_refused",
    MetricKind.GAUGE,
    Subject.WORK,
    "Writes that memU refused and that wait for a person.",
    "entries",
)
WAL_ARCHIVE_LAG = Metric(
    f"{PREFIX}wal_archive_lag_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "How long the oldest finished file of PostgreSQL's log has been waiting to be in the bucket; 0: none waits.",
    "seconds",
)
WAL_ARCHIVE_MISSING = Metric(
    f"{PREFIX}wal_archive_missing_files",
    MetricKind.GAUGE,
    Subject.WORK,
    "Files of the log that the bucket lacks since the newest base backup.",
    "files",
)
WAL_BASE_OVERDUE = Metric(
    f"{PREFIX}wal_base_overdue_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "How long a base backup for the log has been due; 0: the newest is young enough.",
    "seconds",
)
JOB_LAST_RUN = Metric(
    f"{PREFIX}job_last_run_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "When a background job last began in this process (Unix time).",
    "seconds",
    ("task",),
)
JOB_LAST_SUCCESS = Metric(
    f"{PREFIX}job_last_success_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "When a background job last succeeded in this process (Unix time).",
    "seconds",
    ("task",),
)
JOB_FAILURES = Metric(
    f"{PREFIX}job_failures_total", MetricKind.COUNTER, Subject.WORK, "Background jobs that failed.", "runs", ("task",)
)
WORKER_LEADER = Metric(
    f"{PREFIX}worker_leader",
    MetricKind.GAUGE,
    Subject.WORK,
    "1 when this process does the background work of the deployment; one process does.",
)
CERTIFICATE_TASK = "certificate"  # the job that measures it
CERTIFICATE_EXPIRY = Metric(
    f"{PREFIX}certificate_expiry_timestamp_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "When the TLS certificate of PUBLIC_URL expires (Unix time), as a worker sees it.",
    "seconds",
)
CERTIFICATE_LIFETIME = Metric(
    f"{PREFIX}certificate_lifetime_seconds",
    MetricKind.GAUGE,
    Subject.WORK,
    "How long that certificate is valid in all.",
    "seconds",
)
ALERTS_RECEIVED = Metric(
    f"{PREFIX}alerts_received_total",
    MetricKind.COUNTER,
    Subject.ALERTS,
    "Alerts the receiver has stored, repeated ones too. status is firing or resolved.",
    "alerts",
    ("status",),
)
ALERTS_REPEATED = Metric(
    f"{PREFIX}alerts_repeated_total",
    MetricKind.COUNTER,
    Subject.ALERTS,
    "Alerts stored but not forwarded, because nothing had changed.",
    "alerts",
)
ALERTS_DELIVERIES = Metric(
    f"{PREFIX}alerts_deliveries_total",
    MetricKind.COUNTER,
    Subject.ALERTS,
    "Attempts to deliver alerts. outcome is ok, failed (retried) or given_up (dropped: too old, or refused).",
    "messages",
    ("target", "outcome"),
)
ALERTS_DELIVERY_FAILING = Metric(
    f"{PREFIX}alerts_delivery_failing",
    MetricKind.GAUGE,
    Subject.ALERTS,
    "1 when the last attempt to deliver to a target failed, 0 when it succeeded or none was needed yet.",
    "",
    ("target",),
)
ALERTS_QUEUE_LENGTH = Metric(
    f"{PREFIX}alerts_queue_length",
    MetricKind.GAUGE,
    Subject.ALERTS,
    "Messages waiting for a target.",
    "messages",
    ("target",),
)
ALERTS_QUEUE_AGE = Metric(
    f"{PREFIX}alerts_queue_age_seconds",
    MetricKind.GAUGE,
    Subject.ALERTS,
    "Age of the oldest message waiting for a target; 0 when none is.",
    "seconds",
    ("target",),
)

CATALOGUE: tuple[Metric, ...] = tuple(value for value in vars().copy().values() if isinstance(value, Metric))
