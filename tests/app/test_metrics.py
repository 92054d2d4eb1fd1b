"""The catalogue of metrics."""

from __future__ import annotations

import re

from app import metrics
from app.metrics import CATALOGUE, MetricKind

CONTRACT = {
    "claude_memory_uptime_seconds": (),
    "claude_memory_requests_total": ("tool", "outcome"),
    "claude_memory_postgres_up": (),
    "claude_memory_qdrant_up": (),
    "claude_memory_avg_response_time_seconds": (),
}


def test_the_names_of_the_contract_are_there_with_their_labels() -> None:
    labels = {metric.name: metric.labels for metric in CATALOGUE}

    assert CONTRACT.items() <= labels.items()


def test_every_name_follows_prometheus() -> None:
    names = [metric.name for metric in CATALOGUE]

    assert len(set(names)) == len(names)
    for metric in CATALOGUE:
        assert re.fullmatch(r"claude_memory_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
        assert metric.help.endswith(".")


def test_no_label_has_a_name_that_prometheus_gives_itself() -> None:
    used = {label for metric in CATALOGUE for label in metric.labels}

    assert not used & {"job", "instance", "le", "quantile"}  # `job` would arrive as `exported_job`


def test_every_metric_of_the_module_is_in_the_catalogue() -> None:
    named = {value for value in vars(metrics).values() if isinstance(value, metrics.Metric)}

    assert named == set(CATALOGUE)
    assert len(CATALOGUE) == len(named)
