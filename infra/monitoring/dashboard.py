"""Grafana's dashboard, generated from the metric catalogue: a new metric appears without further work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from app.metrics import CATALOGUE, PREFIX, Metric, MetricKind, Subject

UID = "claude-memory"
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
_SCHEMA = 39  # of Grafana 11; later versions migrate it themselves
_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 8
_QUANTILES = (0.5, 0.95, 0.99)
_UNIT_IN_NAME = re.compile(r"_(total|timestamp_seconds|seconds|bytes)$")
_ROWS = list(Subject)
_UNITS = {"seconds": "s", "bytes": "bytes", "": "bool_yes_no"}  # any other unit is a word, shown after the number


def dashboard_json() -> str:
    """Return the dashboard as the file that Grafana reads."""
    return json.dumps(dashboard(CATALOGUE), indent=1)


def dashboard(catalogue: Sequence[Metric]) -> dict[str, Any]:
    """Return the dashboard: one panel per metric, in rows."""
    return {
        "uid": UID,
        "title": "Claude Memory",
        "tags": [UID],
        "schemaVersion": _SCHEMA,
        "editable": False,
        "graphTooltip": 1,  # one crosshair across all panels
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(catalogue), 1)],
    }


def _panels(catalogue: Sequence[Metric]) -> Iterator[dict[str, Any]]:
    """Yield the heading of each row, then the panels of its metrics, three side by side."""
    y = 0
    by_subject = sorted(catalogue, key=lambda metric: _ROWS.index(metric.subject))
    for subject, metrics in groupby(by_subject, lambda metric: metric.subject):
        yield {
            "type": "row",
            "title": str(subject),
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            "panels": [],
        }
        y, x = y + 1, 0
        for metric in metrics:
            if x == _COLUMNS:
                x, y = 0, y + _HEIGHT
            yield {**_panel(metric), "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT}}
            x += _WIDTH
        y += _HEIGHT


def _panel(metric: Metric) -> dict[str, Any]:
    queries = _queries(metric)
    return {
        "title": _UNIT_IN_NAME.sub("", metric.name.removeprefix(PREFIX)).replace("_", " ").capitalize(),
        "description": metric.help,
        "datasource": DATASOURCE,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(queries)
        ],
        **(_time_panel() if _is_timestamp(metric) else _graph_panel(metric)),
    }


def _queries(metric: Metric) -> list[tuple[str, str]]:
    """Return (query, legend) pairs."""
    by = ", ".join(metric.labels)
    shown = " ".join(f"{{{{{label}}}}}" for label in metric.labels)
    if metric.kind is MetricKind.HISTOGRAM:
        rate = f"sum by (le) (rate({metric.name}_bucket[$__rate_interval]))"
        return [(f"histogram_quantile({quantile:g}, {rate})", f"p{100 * quantile:g}") for quantile in _QUANTILES]
    if metric.kind is MetricKind.COUNTER:
        grouped = f"sum by ({by})" if by else "sum"
        return [(f"{grouped} (rate({metric.name}[$__rate_interval]))", shown or "all")]
    if _is_timestamp(metric):
        grouped = f"max by ({by})" if by else "max"
        return [(f"{grouped} ({metric.name}) * 1000", shown)]  # Grafana takes milliseconds
    return [(metric.name, f"{{{{instance}}}} {shown}".strip())]


def _is_timestamp(metric: Metric) -> bool:
    return metric.kind is MetricKind.GAUGE and metric.name.endswith("_timestamp_seconds")


def _time_panel() -> dict[str, Any]:
    """Return a panel that shows how long ago something happened, or how soon it will."""
    never = {"type": "value", "options": {"0": {"text": "never"}}}
    return {
        "type": "stat",
        "fieldConfig": {"defaults": {"unit": "dateTimeFromNow", "mappings": [never]}, "overrides": []},
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "none",
            "graphMode": "none",
            "textMode": "auto",
        },
    }


def _graph_panel(metric: Metric) -> dict[str, Any]:
    """Return a panel with a line per series."""
    unit = _UNITS.get(metric.unit, f"suffix: {metric.unit}")
    defaults: dict[str, Any] = {"unit": unit, "min": 0}
    if metric.kind is MetricKind.COUNTER:
        defaults["unit"] = f"suffix: {metric.unit}/s"
    elif not metric.unit:
        defaults |= {"max": 1, "custom": {"lineInterpolation": "stepAfter", "fillOpacity": 10}}
    return {
        "type": "timeseries",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }
