"""`scale`, `suspend`, `resume`, `metrics`."""

from __future__ import annotations

import pytest

from infra.render.driver.metrics import chart, figure
from tests.infra.render.driver.conftest import Drive, Stack
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import FakeTime

CPU_ONLY = {"cpu": {"enabled": True, "percentage": 70}, "memory": {"enabled": False, "percentage": 70}}


# scale ----------------------------------------------------------------------------------------


def test_a_number_of_instances_is_set(stack: Stack, drive: Drive) -> None:
    ran = drive("scale", "3", "--service", "web")

    assert (ran.status, stack.services["web"].details["numInstances"]) == (0, 3)
    assert ran.out == "claude-memory-web: 3 instances; the next `pulumi up` sets what the stack says\n"


def test_a_number_ends_autoscaling_which_would_ignore_it(stack: Stack, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["autoscaling"] = {"enabled": True, "min": 1, "max": 3, "criteria": CPU_ONLY}

    assert drive("scale", "2", "--service", "web").status == 0
    assert ("autoscaling" in web.details, web.details["numInstances"]) == (False, 2)


def test_autoscaling_is_turned_on_by_cpu(stack: Stack, drive: Drive) -> None:
    ran = drive("scale", "--min", "1", "--max", "3", "--service", "web")

    assert stack.services["web"].details["autoscaling"] == {"enabled": True, "min": 1, "max": 3, "criteria": CPU_ONLY}
    assert "1 to 3 instances, by CPU over 70 %" in ran.out


def test_what_is_not_given_of_autoscaling_stays(stack: Stack, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["autoscaling"] = {"enabled": True, "min": 2, "max": 5, "criteria": CPU_ONLY}

    ran = drive("scale", "--memory", "80", "--cpu", "off", "--service", "web", "--json")
    criteria = {"cpu": {"enabled": False, "percentage": 70}, "memory": {"enabled": True, "percentage": 80}}
    assert ran.json["autoscaling"] == web.details["autoscaling"]
    assert web.details["autoscaling"] == {"enabled": True, "min": 2, "max": 5, "criteria": criteria}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "give a number of instances", id="nothing"),
        pytest.param(["2", "--max", "3"], "give a number of instances", id="both"),
        pytest.param(["--min", "2"], "give --max", id="no maximum"),
        pytest.param(["--min", "4", "--max", "3"], "is over", id="min over max"),
        pytest.param(["--max", "3", "--cpu", "off"], "neither --cpu nor --memory", id="nothing decides"),
        pytest.param(["--max", "3", "--cpu", "95"], "takes 1 to 90", id="target too high"),
        pytest.param(["101"], "at most 100", id="too many"),
        pytest.param(["0"], "takes a number over 0", id="none"),
        pytest.param(["2", "--service", "backup"], "name one --service", id="two services"),
    ],
)
def test_wrong_usage_of_scale_changes_nothing(
    arguments: list[str], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("scale", "--service", "web", *arguments)

    assert (ran.status, said in ran.err, render.changes()) == (2, True, []), ran.err


@pytest.mark.parametrize(
    ("role", "details", "said"),
    [
        pytest.param("backup", {}, "has no instances", id="cron job"),
        pytest.param("web", {"plan": "free"}, "free plan", id="free"),
        pytest.param("qdrant", {"disk": {"id": "dsk-1"}}, "has a disk", id="disk"),
    ],
)
def test_what_cannot_have_more_instances_is_told_before_a_call(
    role: str, details: dict[str, object], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    stack.services[role].details.update(details)

    ran = drive("scale", "2", "--service", role)
    assert (ran.status, said in ran.err, render.changes()) == (2, True, [])


# suspend, resume ------------------------------------------------------------------------------


def test_a_service_is_suspended_and_resumed(stack: Stack, drive: Drive) -> None:
    assert drive("suspend", "--service", "web").status == 0
    assert "is suspended already" in drive("suspend", "--service", "web").out
    assert stack.services["web"].shown["suspended"] == "suspended"

    ran = drive("resume", "--service", "web")
    assert ran.status == 0
    assert "claude-memory-web is live" in ran.err
    assert "is not suspended" in drive("resume", "--service", "web").out


def test_a_whole_stack_is_suspended_only_when_it_is_named(stack: Stack, drive: Drive, render: Server) -> None:
    assert drive("suspend").status == 2
    assert render.changes() == []

    assert drive("suspend", "--stack", "render").status == 0
    assert all(one.shown["suspended"] == "suspended" for one in stack.services.values())


def test_what_billing_suspended_is_not_resumed(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["web"].shown |= {"suspended": "suspended", "suspenders": ["billing"]}

    ran = drive("resume", "--service", "web")
    assert (ran.status, "by billing" in ran.err, render.changes()) == (2, True, [])


# metrics --------------------------------------------------------------------------------------


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
