"""The numbers behind the catalogue: counted in every thread, scraped in Prometheus' format."""

from __future__ import annotations

import re
import subprocess
import sys
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import metrics
from app.measuring import Metrics
from app.metrics import CATALOGUE, MetricKind
from tests.support.serving import clean_environment


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def samples(numbers: Metrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values by name and by the labels' values, in the order of the labels' names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(numbers.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_everything_scraped_is_in_the_catalogue() -> None:
    numbers = Metrics()
    numbers.observe("memorize", "ok", 0.003)
    for metric in CATALOGUE:
        if metric.kind is MetricKind.GAUGE:
            numbers.set(metric, 1.0, ("x",) * len(metric.labels))
    names = {metric.name for metric in CATALOGUE}

    for name in samples(numbers):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in names or name.startswith("process_"), name


def test_calls_are_counted_by_tool_and_outcome_and_measured() -> None:
    numbers = Metrics()
    for seconds in (0.001, 0.002, 3.0):
        numbers.observe("memorize", "ok", seconds)
    numbers.observe("memorize", "invalid_input", 99.0)
    found = samples(numbers)

    assert found["claude_memory_requests_total"] == {("ok", "memorize"): 3, ("invalid_input", "memorize"): 1}
    buckets = found["claude_memory_request_duration_seconds_bucket"]
    assert buckets["0.001", "memorize"] == 1, "an upper bound belongs to its bucket"
    assert buckets["5.0", "memorize"] == 3
    assert buckets["+Inf", "memorize"] == found["claude_memory_request_duration_seconds_count"]["memorize",] == 4
    assert found["claude_memory_request_duration_seconds_sum"]["memorize",] == pytest.approx(102.003)


def test_the_average_looks_at_five_minutes() -> None:
    clock = Clock()
    numbers = Metrics(clock)
    assert numbers.average_s() == 0.0
    numbers.observe("a", "ok", 9.0)
    clock.now += 200
    numbers.observe("a", "ok", 1.0)
    assert numbers.average_s() == 5.0
    clock.now += 101
    assert numbers.average_s() == 1.0


def test_counters_without_labels_begin_at_zero() -> None:
    assert samples(Metrics())["claude_memory_rate_limited_total"] == {(): 0.0}


def test_threads_lose_no_count() -> None:
    numbers = Metrics()

    def work() -> None:
        for _ in range(2_000):
            numbers.observe("a", "ok", 0.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers.total(metrics.REQUESTS) == 8_000


def test_counting_needs_no_prometheus_client() -> None:
    program = (
        "import sys, app.measuring as m; m.METRICS.observe('a', 'ok', 1.0);"
        " assert 'prometheus_client' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], check=True, env=clean_environment())
