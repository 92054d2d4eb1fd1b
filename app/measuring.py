"""Holds the numbers of one process, for the metrics declared in `app.metrics`.

Counting is plain Python: a tool call pays a microsecond, and prometheus_client (80 ms to import) is imported at the
first scrape.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from app.metrics import AVERAGE, CATALOGUE, REQUESTS, Metric, MetricKind

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric as Family

WINDOW_S, WINDOW_CALLS = 300.0, 1_000  # avg_response_time: the last five minutes, at most the last 1,000 calls
# From a millisecond (a tool that does nothing) to ten seconds (the time limit of a probe).
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
    """The numbers of one process; safe to call from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._values: dict[Metric, dict[tuple[str, ...], float]] = {
            metric: {} for metric in CATALOGUE if metric.kind is not MetricKind.HISTOGRAM
        }
        # A counter without labels exists from the start, because `increase()` needs the zero.
        for metric, series in self._values.items():
            if metric.kind is MetricKind.COUNTER and not metric.labels:
                series[()] = 0.0
        self._durations: dict[str, _Histogram] = {}
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW_CALLS)

    def observe(self, tool: str, outcome: str, seconds: float) -> None:
        """Count one tool call."""
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
        """Return all metrics in Prometheus' text format, with the process's own (memory, CPU, files)."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(self))
        return generate_latest(registry)

    def families(self) -> Iterator[Family]:
        """Return the metrics as prometheus_client's types."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        self.set(AVERAGE, self.average_s())
        with self._lock:
            values: Mapping[Metric, dict[tuple[str, ...], float]] = {m: dict(s) for m, s in self._values.items()}
            durations = {tool: (series.buckets(), series.total_s) for tool, series in self._durations.items()}
        for metric in CATALOGUE:
            if metric.kind is MetricKind.HISTOGRAM:
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for tool, (buckets, total_s) in sorted(durations.items()):
                    histogram.add_metric([tool], buckets, total_s)
                yield histogram
                continue
            family_of = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
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
