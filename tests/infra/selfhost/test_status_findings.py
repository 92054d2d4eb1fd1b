"""What there is to say of a stack beside its services."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.finding import Finding
from infra.selfhost import status_findings as findings
from infra.selfhost.prometheus_answers import PrometheusAnswers
from infra.selfhost.running import look
from tests.support.engine_answers import WATCHDOG, AnsweringHost, container, monitored

EXPECTED = ["memory-app-1", "memory-postgres"]


def told(found: list[Finding]) -> dict[str, tuple[str, str]]:
    return {one.what: (str(one.state), one.found) for one in found}


def services(*containers: dict[str, Any]) -> tuple[str, str]:
    view = look([AnsweringHost(containers=list(containers))], "test")
    return told(list(findings.services(view, EXPECTED)))["services"]


@pytest.mark.parametrize(
    ("containers", "said"),
    [
        ([container("app-1"), container("postgres")], ("ok", "2 of 2 healthy")),
        ([container("app-1")], ("failed", "1 of 2 healthy; postgres missing")),
        (
            [container("app-1", State={"Health": {"Status": "unhealthy"}}), container("postgres")],
            ("failed", "1 of 2 healthy; app-1 unhealthy"),
        ),
        (
            [container("app-1", State={"Status": "exited", "ExitCode": 78}), container("postgres")],
            ("failed", "1 of 2 healthy; app-1 exited with status 78"),
        ),
        (
            [container("app-1", State={"Status": "restarting", "OOMKilled": True}), container("postgres")],
            ("failed", "1 of 2 healthy; app-1 restarting, out of memory"),
        ),
    ],
    ids=["all work", "missing", "unhealthy", "exited", "out of memory"],
)
def test_services_that_do_not_work_are_named_with_what_docker_says(
    containers: list[dict[str, Any]], said: tuple[str, str]
) -> None:
    assert services(*containers) == said


def test_services_that_run_twice_or_were_not_asked_for_are_left_over() -> None:
    twice = [container("app-1", Id="1"), container("app-1", Id="2"), container("app-3")]
    view = look([AnsweringHost(containers=[*twice, container("app-init", RestartPolicy="no")])], "test")

    found = findings.orphans(view, EXPECTED)
    assert (found.state, found.found) == ("failed", "app-1 is there twice, app-3 is not declared")
    assert findings.orphans(look([AnsweringHost()], "test"), EXPECTED).state == "ok"


def on_two_hosts(says: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return what is said of two replicas on another host than the proxy's."""
    ports = [
        {
            "8000/tcp": [{"HostIp": "10.0.0.2", "HostPort": number}],
            "8080/tcp": [{"HostIp": "10.0.0.2", "HostPort": "1"}],
        }
        for number in ("8000", "8001")
    ]
    replicas = [container(f"app-{number}", PortBindings=bound) for number, bound in enumerate(ports, 1)]
    edge = AnsweringHost(name="edge", docker="ssh://two", containers=[container("proxy")], said=says)
    view = look([AnsweringHost(containers=replicas), edge], "test")
    return told(list(findings.reached(view.newest("memory-proxy"), view.serving)))


def test_replicas_behind_a_firewall_are_named() -> None:
    reached = "http://10.0.0.2:8001/health"
    assert on_two_hosts({"/health": ""})["between hosts"] == ("ok", "the proxy reaches 2 of 2 replicas on other hosts")
    state, said = on_two_hosts({reached: ""})["between hosts"]
    assert state == "failed"
    assert "reaches 1 of 2 replicas on other hosts (10.0.0.2:8000: " in said


def test_on_one_host_nothing_is_between() -> None:
    bound = {"8000/tcp": [{"HostIp": "10.0.0.2", "HostPort": "8000"}]}
    host = AnsweringHost(containers=[container("proxy"), container("app-1", PortBindings=bound)])
    view = look([host], "test")

    assert list(findings.reached(view.newest("memory-proxy"), view.serving)) == []
    assert list(findings.reached(None, view.serving)) == []


def test_targets_that_prometheus_cannot_read_are_named() -> None:
    host = AnsweringHost(said=monitored(WATCHDOG, unread="10.0.0.2:9100"))
    found = told(list(findings.measured(PrometheusAnswers(host, "1"), [host], None)))

    assert found["targets"] == (
        "warning",
        "Prometheus cannot read 10.0.0.2:9100: context deadline exceeded",
    )


def ago(**time_: float) -> str:
    return (datetime.now(UTC) - timedelta(**time_)).isoformat()


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([], {"backup": ("warning", "none yet")}),
        (
            [
                {"taken_at": ago(hours=5), "verified_at": None},
                {"taken_at": ago(days=3), "verified_at": ago(days=2, hours=1)},
            ],
            {"backup": ("ok", "5 h old, 2 backups"), "verification": ("ok", "2 d ago")},
        ),
        (
            [{"taken_at": ago(days=9, hours=1), "verified_at": None}],
            {"backup": ("failed", "9 d old, 1 backup"), "verification": ("warning", "never")},
        ),
        (
            [{"taken_at": ago(hours=5), "verified_at": ago(days=40, hours=1)}],
            {"backup": ("ok", "5 h old, 1 backup"), "verification": ("warning", "40 d ago")},
        ),
    ],
    ids=["none", "good", "too old", "verified long ago"],
)
def test_the_newest_backup_and_verification_are_judged_by_their_age(
    listed: list[dict[str, Any]], said: dict[str, tuple[str, str]]
) -> None:
    said_by_worker = {"claude-memory backups list --json": json.dumps(listed)}
    view = look([AnsweringHost(containers=[container("app-worker")], said=said_by_worker)], "test")

    assert told(list(findings.backups(view.newest("memory-app-worker")))) == said


@pytest.mark.parametrize("said", [{}, {"backups list": "Traceback"}, {"backups list": '[{"taken_at": 3}]'}])
def test_without_the_list_of_backups_nothing_is_said_of_them(said: dict[str, str]) -> None:
    view = look([AnsweringHost(containers=[container("app-worker")], said=said)], "test")

    [found] = findings.backups(view.newest("memory-app-worker"))
    assert found.state == "skipped"
    assert [one.state for one in findings.backups(None)] == ["skipped"]


def measured(*alerts: dict[str, Any], domain: str | None = None, **more: Any) -> dict[str, tuple[str, str]]:
    host = AnsweringHost(said=monitored(*alerts, **more))
    return told(list(findings.measured(PrometheusAnswers(host, "1"), [host], domain)))


def firing(name: str, severity: str, **labels: str) -> dict[str, Any]:
    labels = {"alertname": name, "severity": severity, **labels}
    return {"labels": labels, "annotations": {"summary": f"About {name}"}, "state": "firing"}


def test_alerts_that_fire_are_told_the_critical_ones_as_failures() -> None:
    pending = {**firing("ClaudeMemoryCPUHigh", "warning"), "state": "pending"}
    late = firing("ClaudeMemoryIndexBehind", "warning")
    full = firing("ClaudeMemoryDiskAlmostFull", "critical", instance="a:1", mountpoint="/")

    found = measured(WATCHDOG, late, full, pending)

    assert [name for name in found if name.startswith("alert")] == [
        "alert ClaudeMemoryDiskAlmostFull",
        "alert ClaudeMemoryIndexBehind",
    ]
    assert found["alert ClaudeMemoryDiskAlmostFull"] == ("failed", "About ClaudeMemoryDiskAlmostFull (a:1, /)")
    assert found["alert ClaudeMemoryIndexBehind"] == ("warning", "About ClaudeMemoryIndexBehind")


def test_quiet_is_good_only_while_the_watchdog_fires() -> None:
    assert measured(WATCHDOG)["alerts"] == ("ok", "none but the watchdog fires")
    assert measured()["watchdog"] == ("failed", "it does not fire: alerting is broken")


@pytest.mark.parametrize(
    ("domain", "left_s", "said"),
    [
        (None, None, ("ok", "none: without a domain the proxy serves loopback alone")),
        ("m.example.org", None, ("warning", "m.example.org: not measured")),
        ("m.example.org", 61.5 * 86_400, ("ok", "m.example.org: 61 d left")),
        ("m.example.org", -60, ("failed", "m.example.org: expired")),
    ],
)
def test_the_certificate_is_told_with_the_time_it_has_left(
    domain: str | None, left_s: float | None, said: tuple[str, str]
) -> None:
    expiry = None if left_s is None else time.time() + left_s

    assert measured(WATCHDOG, domain=domain, certificate=expiry)["certificate"] == said


@pytest.mark.parametrize(("percent", "state"), [(41.0, "ok"), (85.0, "warning"), (93.0, "failed")])
def test_the_fullest_disk_of_a_host_is_judged_by_the_limits_of_the_alerts(percent: float, state: str) -> None:
    assert measured(WATCHDOG, disk=percent)["disk of data"] == (state, f"{percent:.0f} % at /")


def test_a_monitoring_that_does_not_answer_is_a_failure() -> None:
    host = AnsweringHost(away=True)

    [found] = findings.measured(PrometheusAnswers(host, "1"), [host], None)
    assert (found.state, found.what) == ("failed", "monitoring")


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59, "59 s"), (150, "2 min"), (7_300, "2 h"), (200_000, "2 d")]
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert findings.duration(seconds) == words
