"""The catalogue of metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from app import metrics
from app.metrics import CATALOGUE, MetricKind

APP = Path(metrics.__file__).parent
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


def test_the_catalogue_has_every_metric_of_the_module_once_in_its_order() -> None:
    assert list(CATALOGUE) == [value for value in vars(metrics).values() if isinstance(value, metrics.Metric)]
    assert len(CATALOGUE) > 20


def test_every_metric_is_given_a_value_somewhere() -> None:
    names = {name for name, value in vars(metrics).items() if isinstance(value, metrics.Metric)}
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for file in APP.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load)
    }

    names.discard("DURATION")  # the only histogram; app.measuring gives it its values by its kind
    assert names - used == set(), "no code counts or sets them"
