"""The dashboard follows the metric catalogue, and each of its queries is valid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import promql_parser
import pytest

from app.metrics import CATALOGUE, PREFIX, Metric, MetricKind, Subject
from infra.monitoring.dashboard import DATASOURCE, dashboard, dashboard_json
from infra.monitoring.promql import expression_problems, metric_names

GRAPH, TIME, HEADING = "timeseries", "stat", "row"
Panel = dict[str, Any]


def panels(catalogue: Sequence[Metric] = CATALOGUE) -> list[Panel]:
    """Return all panels that are no headings."""
    return [panel for panel in dashboard(catalogue)["panels"] if panel["type"] != HEADING]


def queries(panel: Panel) -> list[str]:
    """Return a panel's queries, with the window that Grafana fills in."""
    return [target["expr"].replace("$__rate_interval", "1m") for target in panel["targets"]]


def names(panel: Panel) -> set[str]:
    """Return the metrics that a panel shows."""
    return {name for query in queries(panel) for name in metric_names(promql_parser.parse(query))}


def shown(metric: Metric) -> Panel:
    """Return the panel of a metric, in the catalogue or not."""
    [panel] = panels([metric])
    return panel


def test_each_metric_of_the_catalogue_has_one_panel() -> None:
    shown_by_panel = [names(panel) for panel in panels()]

    expected = [{metric.series[0] if metric.kind is MetricKind.HISTOGRAM else metric.name} for metric in CATALOGUE]
    assert sorted(map(sorted, shown_by_panel)) == sorted(map(sorted, expected))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_query_is_promql_over_metrics_that_exist(panel: Panel) -> None:
    assert [problem for query in queries(panel) for problem in expression_problems(query)] == []


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_series_are_named_by_the_labels_of_the_metric(metric: Metric) -> None:
    for target in shown(metric)["targets"]:
        for label in metric.labels if metric.kind is not MetricKind.HISTOGRAM else ():
            assert f"{{{{{label}}}}}" in target["legendFormat"]


def test_a_counter_is_shown_as_a_rate_by_its_labels() -> None:
    panel = shown(
        Metric(f"{PREFIX}tides_total", MetricKind.COUNTER, Subject.PROCESS, "Tides.", "tides", ("coast", "moon"))
    )

    assert queries(panel) == [f"sum by (coast, moon) (rate({PREFIX}tides_total[1m]))"]
    assert panel["fieldConfig"]["defaults"]["unit"] == "suffix: tides/s"


def test_a_histogram_is_shown_as_quantiles() -> None:
    panel = shown(
        Metric(f"{PREFIX}wait_seconds", MetricKind.HISTOGRAM, Subject.PROCESS, "Waits.", "seconds", ("coast",))
    )

    rate = f"sum by (le) (rate({PREFIX}wait_seconds_bucket[1m]))"
    assert queries(panel) == [f"histogram_quantile({quantile}, {rate})" for quantile in ("0.5", "0.95", "0.99")]
    assert panel["fieldConfig"]["defaults"]["unit"] == "s"


@pytest.mark.parametrize(
    ("unit", "shown_as"), [("seconds", "s"), ("bytes", "bytes"), ("", "bool_yes_no"), ("boats", "suffix: boats")]
)
def test_a_gauge_is_shown_as_it_is_in_its_unit(unit: str, shown_as: str) -> None:
    panel = shown(Metric(f"{PREFIX}height", MetricKind.GAUGE, Subject.PROCESS, "Height.", unit))

    assert (panel["type"], queries(panel)) == (GRAPH, [f"{PREFIX}height"])
    assert panel["fieldConfig"]["defaults"]["unit"] == shown_as


def test_a_timestamp_is_shown_as_the_time_since_and_zero_as_never() -> None:
    panel = shown(
        Metric(
            f"{PREFIX}flood_timestamp_seconds", MetricKind.GAUGE, Subject.PROCESS, "Last flood.", "seconds", ("coast",)
        )
    )

    assert (panel["type"], queries(panel)) == (TIME, [f"max by (coast) ({PREFIX}flood_timestamp_seconds) * 1000"])
    assert panel["fieldConfig"]["defaults"]["unit"] == "dateTimeFromNow"
    assert panel["fieldConfig"]["defaults"]["mappings"][0]["options"]["0"]["text"] == "never"


def test_a_new_metric_appears_with_its_help_in_the_row_of_its_subject() -> None:
    new = [
        Metric(f"{PREFIX}alerts_muted", MetricKind.GAUGE, Subject.ALERTS, "Alerts that are muted.", "alerts"),
        Metric(f"{PREFIX}whales", MetricKind.GAUGE, Subject.MEMORIES, "Whales seen.", "whales"),
    ]
    row = ""
    found: dict[str, tuple[str, str]] = {}
    for panel in dashboard([*CATALOGUE, *new])["panels"]:
        if panel["type"] == HEADING:
            row = panel["title"]
        else:
            found[panel["title"]] = (row, panel["description"])

    assert found["Alerts muted"] == ("Alerts", "Alerts that are muted.")
    assert found["Whales"] == ("Memories", "Whales seen.")


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    every = dashboard(CATALOGUE)["panels"]

    assert len({panel["id"] for panel in every}) == len(every)
    for one, other in combinations((panel["gridPos"] for panel in every), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)


def test_the_file_is_json_in_grafanas_classic_form() -> None:
    file = json.loads(dashboard_json())

    assert file == dashboard(CATALOGUE)
    assert {"uid", "title", "schemaVersion", "panels", "time", "templating"} <= set(file)
    assert "id" not in file  # which the server assigns
    for panel in panels():
        assert {"id", "type", "title", "gridPos", "fieldConfig", "options", "targets"} <= set(panel)
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert all(target["datasource"] == DATASOURCE for target in panel["targets"])
