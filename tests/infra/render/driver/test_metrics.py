"""`metrics`: figures, limits, charts."""

from __future__ import annotations

import pytest

from infra.render.driver.metrics import chart, figure
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime
from tests.support.render_stack import (
    Drive,
    Stack,
)

CPU_ONLY = {"cpu": {"enabled": True, "percentage": 70}, "memory": {"enabled": False, "percentage": 70}}


@pytest.fixture
def measured(stack: Stack, render: Server, fake_time: FakeTime) -> Stack:
    times = [fake_time.now() - 60 * minute for minute in range(10, 0, -1)]
    web = stack.services["web"].id
    render.state.metrics = {
        ("cpu", web): [(when, 0.1 + 0.01 * place) for place, when in enumerate(times)],
        ("cpu-limit", web): [(when, 0.5) for when in times],
        ("memory", web): [(when, 200e6) for when in times],
        ("memory-limit", web): [(when, 512e6) for when in times],
        ("http-requests", web): [(when, 12.0) for when in times],
    }
    return stack


def test_cpu_memory_and_requests_are_shown_beside_their_limits(measured: Stack, drive: Drive) -> None:
    ran = drive("metrics")

    assert ran.status == 0
    assert "claude-memory-web cpu 0.19 cpu 0.145 cpu 0.19 cpu 0.5 cpu ▅" in ran.said
    assert "memory 200 MB 200 MB 200 MB 512 MB" in ran.said
    assert "requests 12 requests" in ran.said


def test_metrics_come_as_json(measured: Stack, drive: Drive) -> None:
    found = {one["metric"]: one for one in drive("metrics", "--json", "--since", "5m").json}

    assert (found["memory"]["now"], found["memory"]["limit"], found["memory"]["unit"]) == (200e6, 512e6, "bytes")
    assert len(found["cpu"]["values"]) == 5


def test_a_metric_that_a_service_does_not_have_is_left_out(measured: Stack, drive: Drive, render: Server) -> None:
    render.faults.add(Fault("fail", path="/metrics/memory", status=400, times=9))

    assert {one["metric"] for one in drive("metrics", "--json").json} == {"cpu", "requests"}


def test_without_any_measurement_it_says_so(stack: Stack, drive: Drive) -> None:
    assert drive("metrics", "--since", "30m").out == "nothing was measured in the last 30 minutes\n"


def test_a_chart_begins_at_zero_and_is_never_wider_than_24() -> None:
    assert chart([0.0, 1.0, 2.0, 4.0]) == "▁▃▅█"
    assert chart([0.0, 0.0]) == "▁▁"
    assert len(chart([float(number) for number in range(1_000)])) <= 24


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(512e6, "bytes", "512 MB"), (0.1234, "cpu", "0.123 cpu"), (12_345.6, "requests", "12,346 requests")],
)
def test_figures_have_their_unit(value: float, unit: str, shown: str) -> None:
    assert figure(value, unit) == shown
