"""Every metric once: its name, its kind, its labels, what it says.

Alert rules and dashboards may use only names in CATALOGUE; `app.measuring` has the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "claude_memory_"


class Kind(StrEnum):
    """How Prometheus reads a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    kind: Kind
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus finds it."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


UPTIME = Metric(f"{PREFIX}uptime_seconds", Kind.GAUGE, "Time since the process was made.", "seconds")
REQUESTS = Metric(
    f"{PREFIX}requests_total",
    Kind.COUNTER,
    "Calls of tools. outcome is ok, or the code of the error (see app/errors.py).",
    "calls",
    ("tool", "outcome"),
)
DURATION = Metric(
    f"{PREFIX}request_duration_seconds", Kind.HISTOGRAM, "How long calls of tools took.", "seconds", ("tool",)
)
AVERAGE = Metric(
    f"{PREFIX}avg_response_time_seconds",
    Kind.GAUGE,
    "Mean duration of the calls of the last 5 minutes, at most the last 1,000; 0 when there were none.",
    "seconds",
)
POSTGRES_UP = Metric(f"{PREFIX}postgres_up", Kind.GAUGE, "1 when PostgreSQL answers.")
QDRANT_UP = Metric(f"{PREFIX}qdrant_up", Kind.GAUGE, "1 when the search index answers, embedded or server.")
EMBEDDINGS_UP = Metric(
    f"{PREFIX}embeddings_up",
    Kind.GAUGE,
    "1 when the embedding service answers; there where EMBEDDING_MODEL is set.",
)
MEMORIES = Metric(
    f"{PREFIX}memories", Kind.GAUGE, "Memories of all users; each piece of a long text counts.", "memories"
)
DATABASE_BYTES = Metric(f"{PREFIX}database_bytes", Kind.GAUGE, "Size of the database on disk.", "bytes")
INDEX_LAG_SECONDS = Metric(
    f"{PREFIX}index_lag_seconds", Kind.GAUGE, "Age of the oldest change the index has not applied.", "seconds"
)
INDEX_LAG_CHANGES = Metric(f"{PREFIX}index_lag_changes", Kind.GAUGE, "Changes the index has not applied.", "changes")
BACKUP_LAST_SUCCESS = Metric(
    f"{PREFIX}backup_last_success_timestamp_seconds",
    Kind.GAUGE,
    "The moment whose data the newest backup holds; 0 when there is none.",
    "seconds since 1970",
)
BACKUP_LAST_VERIFIED = Metric(
    f"{PREFIX}backup_last_verified_timestamp_seconds",
    Kind.GAUGE,
    "When a backup was last verified; 0: never.",
    "seconds since 1970",
)
OPEN_SESSIONS = Metric(f"{PREFIX}open_sessions", Kind.GAUGE, "Open SSE sessions.", "sessions")
RATE_LIMITED = Metric(f"{PREFIX}rate_limited_total", Kind.COUNTER, "Requests refused by the rate limit.", "requests")
SIGN_INS = Metric(
    f"{PREFIX}sign_ins_total",
    Kind.COUNTER,
    "Steps of clients' sign-ins. outcome: registered, allowed, denied, wrong_proof, signed_in, revoked, code_replayed,"
    " refresh_reused.",
    "steps",
    ("outcome",),
)
STARTUP = Metric(
    f"{PREFIX}startup_seconds",
    Kind.GAUGE,
    "When a step of the start was done, counted from the making of the process.",
    "seconds",
    ("step",),
)
MODEL_TOKENS = Metric(
    f"{PREFIX}model_tokens_total", Kind.COUNTER, "Tokens sent to models, as they count them.", "tokens", ("model",)
)
JOB_LAST_RUN = Metric(
    f"{PREFIX}job_last_run_timestamp_seconds",
    Kind.GAUGE,
    "When a background job last began here (Unix time).",
    "seconds",
    ("task",),
)
JOB_LAST_SUCCESS = Metric(
    f"{PREFIX}job_last_success_timestamp_seconds",
    Kind.GAUGE,
    "When a background job last succeeded here (Unix time).",
    "seconds",
    ("task",),
)
JOB_FAILURES = Metric(f"{PREFIX}job_failures_total", Kind.COUNTER, "Background jobs that failed.", "runs", ("task",))
WORKER_LEADER = Metric(
    f"{PREFIX}worker_leader", Kind.GAUGE, "1 where this process does the background work of all; one process has it."
)
CERTIFICATE_EXPIRY = Metric(
    f"{PREFIX}certificate_expiry_timestamp_seconds",
    Kind.GAUGE,
    "When the TLS certificate of PUBLIC_URL ends (Unix time), as a worker sees it.",
    "seconds",
)
ALERTS_RECEIVED = Metric(
    f"{PREFIX}alerts_received_total",
    Kind.COUNTER,
    "Alerts the receiver has kept, repeated ones too. status is firing or resolved.",
    "alerts",
    ("status",),
)
ALERTS_REPEATED = Metric(
    f"{PREFIX}alerts_repeated_total", Kind.COUNTER, "Alerts kept that were no news, so not forwarded.", "alerts"
)
ALERTS_DELIVERIES = Metric(
    f"{PREFIX}alerts_deliveries_total",
    Kind.COUNTER,
    "Tries to deliver alerts. outcome is ok, failed (tried again) or given_up (dropped: too old, or refused).",
    "messages",
    ("target", "outcome"),
)
ALERTS_DELIVERY_FAILING = Metric(
    f"{PREFIX}alerts_delivery_failing",
    Kind.GAUGE,
    "1 when the last try to deliver to a target failed, 0 when it succeeded or none was needed yet.",
    "",
    ("target",),
)
ALERTS_QUEUE_LENGTH = Metric(
    f"{PREFIX}alerts_queue_length", Kind.GAUGE, "Messages that wait for a target.", "messages", ("target",)
)
ALERTS_QUEUE_AGE = Metric(
    f"{PREFIX}alerts_queue_age_seconds",
    Kind.GAUGE,
    "Age of the oldest message that waits for a target; 0 when none does.",
    "seconds",
    ("target",),
)

CATALOGUE: tuple[Metric, ...] = tuple(value for value in vars().copy().values() if isinstance(value, Metric))
