"""Every metric once: the catalogue, and the numbers behind it.

Counting is plain Python, so tools pay a microsecond and nothing imports prometheus_client (80 ms) before the
first scrape. Alert rules and dashboards may use only names in CATALOGUE.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric as Family

PREFIX = "claude_memory_"
WINDOW_S, WINDOW_CALLS = 300.0, 1_000  # avg_response_time: the last five minutes, at most the last 1,000 calls
# From a millisecond (a no-op tool) to ten seconds (the time limit of a probe).
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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

CATALOGUE: tuple[Metric, ...] = (
    UPTIME,
    REQUESTS,
    DURATION,
    AVERAGE,
    POSTGRES_UP,
    QDRANT_UP,
    EMBEDDINGS_UP,
    MEMORIES,
    DATABASE_BYTES,
    INDEX_LAG_SECONDS,
    INDEX_LAG_CHANGES,
    BACKUP_LAST_SUCCESS,
    BACKUP_LAST_VERIFIED,
    OPEN_SESSIONS,
    RATE_LIMITED,
    SIGN_INS,
    STARTUP,
    MODEL_TOKENS,
    JOB_LAST_RUN,
    JOB_LAST_SUCCESS,
    JOB_FAILURES,
    WORKER_LEADER,
    CERTIFICATE_EXPIRY,
    ALERTS_RECEIVED,
    ALERTS_REPEATED,
    ALERTS_DELIVERIES,
    ALERTS_DELIVERY_FAILING,
    ALERTS_QUEUE_LENGTH,
    ALERTS_QUEUE_AGE,
)


class _Histogram:
    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, calls up to it)."""
        running, result = 0, []
        for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], self.counts, strict=True):
            running += count
            result.append((bound, float(running)))
        return result


class Metrics:
    """The numbers of one process; may be called from every thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._values: dict[Metric, dict[tuple[str, ...], float]] = {
            metric: {} for metric in CATALOGUE if metric.kind is not Kind.HISTOGRAM
        }
        # without labels there is one series, and it exists from the start: `increase()` needs the zero
        for metric, series in self._values.items():
            if metric.kind is Kind.COUNTER and not metric.labels:
                series[()] = 0.0
        self._durations: dict[str, _Histogram] = {}
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW_CALLS)

    def observe(self, tool: str, outcome: str, seconds: float) -> None:
        """Count one call of a tool."""
        with self._lock:
            requests = self._values[REQUESTS]
            requests[tool, outcome] = requests.get((tool, outcome), 0.0) + 1
            histogram = self._durations.setdefault(tool, _Histogram())
            histogram.counts[bisect_left(BUCKETS_S, seconds)] += 1
            histogram.total_s += seconds
            self._recent.append((self._now(), seconds))

    def count(self, metric: Metric, amount: float = 1.0, labels: tuple[str, ...] = ()) -> None:
        """Add to a counter."""
        with self._lock:
            series = self._values[metric]
            series[labels] = series.get(labels, 0.0) + amount

    def set(self, metric: Metric, value: float, labels: tuple[str, ...] = ()) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[metric][labels] = value

    def average_s(self) -> float:
        """Return the mean duration of recent calls, 0 when there were none."""
        with self._lock:
            oldest = self._now() - WINDOW_S
            while self._recent and self._recent[0][0] < oldest:
                self._recent.popleft()
            return sum(seconds for _, seconds in self._recent) / len(self._recent) if self._recent else 0.0

    def total(self, metric: Metric) -> float:
        """Return the sum over all series of a metric."""
        with self._lock:
            return sum(self._values[metric].values())

    def by_label(self, metric: Metric) -> dict[tuple[str, ...], float]:
        """Return a copy of all series of a metric."""
        with self._lock:
            return dict(self._values[metric])

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format, with what the process itself uses."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(self))
        return generate_latest(registry)

    def families(self) -> Iterator[Family]:
        """Return the metrics as prometheus_client has them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        self.set(AVERAGE, self.average_s())
        with self._lock:
            values: Mapping[Metric, dict[tuple[str, ...], float]] = {m: dict(s) for m, s in self._values.items()}
            durations = {tool: (one.buckets(), one.total_s) for tool, one in self._durations.items()}
        for metric in CATALOGUE:
            if metric.kind is Kind.HISTOGRAM:
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for tool, (buckets, total_s) in sorted(durations.items()):
                    histogram.add_metric([tool], buckets, total_s)
                yield histogram
                continue
            family_of = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            family = family_of(metric.name, metric.help, labels=metric.labels)
            for labels, value in sorted(values[metric].items()):
                family.add_metric(list(labels), value)
            yield family


class _Collector:
    """Gives prometheus_client the numbers when it asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        yield from self._metrics.families()

    def describe(self) -> list[Family]:
        return []  # keeps register() from collecting once to learn the names


METRICS = Metrics()
observe = METRICS.observe
count = METRICS.count
