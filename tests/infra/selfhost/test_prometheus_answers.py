"""Prometheus is asked from inside its container."""

from __future__ import annotations

import pytest

from infra.monitoring.rule import Severity
from infra.selfhost.prometheus_answers import NoAnswer, PrometheusAnswers
from tests.support.engine_answers import WATCHDOG, AnsweringHost, monitored


def test_a_query_goes_in_whole_and_its_series_come_out() -> None:
    host = AnsweringHost(said=monitored(disk=41.5))

    found = PrometheusAnswers(host, "1f2e").series('node_filesystem{x=~"a b"}')

    assert found == [({"instance": "node-exporter:9100", "mountpoint": "/"}, 41.5)]
    [asked] = host.asked
    assert asked[:3] == ("exec", "1f2e", "wget")
    assert asked[-1] == "http://127.0.0.1:9090/api/v1/query?query=node_filesystem%7Bx%3D~%22a+b%22%7D"


def test_an_alert_of_a_rule_of_someone_else_counts_as_a_warning() -> None:
    other = {"labels": {"alertname": "Other", "severity": "page"}, "annotations": {}, "state": "firing"}

    found = PrometheusAnswers(AnsweringHost(said=monitored(WATCHDOG, other)), "1").firing()

    assert [(one.name, one.severity) for one in found] == [
        ("ClaudeMemoryWatchdog", Severity.NONE),
        ("Other", Severity.WARNING),
    ]


@pytest.mark.parametrize("said", ["", "<html>", '{"status": "error"}', "[]"])
def test_anything_else_than_an_answer_of_the_api_is_refused(said: str) -> None:
    with pytest.raises(NoAnswer, match="Prometheus answered"):
        PrometheusAnswers(AnsweringHost(said={"api/v1/alerts": said}), "1").firing()
