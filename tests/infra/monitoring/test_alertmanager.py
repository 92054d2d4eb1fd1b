"""Who is notified when: the routes as amtool reads them, and a real Alertmanager with our flags and our receiver."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.alertmanager import MAIN_FILE, PORT, TOKEN_FILE, arguments, configuration
from infra.monitoring.rule import Severity
from infra.monitoring.rules import RULES
from tests.support.alert_server import AlertServer
from tests.support.answering import answering
from tests.support.waiting import wait_until

TOKEN = "made-up-token-of-alerts"
ALERTMANAGER = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")  # Debian's name is the latter
DEBIANS_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")  # without which its build does not start
needs_alertmanager = pytest.mark.skipif(
    ALERTMANAGER is None or (ALERTMANAGER.endswith("prometheus-alertmanager") and not DEBIANS_TEMPLATES.exists()),
    reason="Alertmanager is not installed, or not whole (Debian: prometheus-alertmanager)",
)
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed (Debian: prometheus-alertmanager)"
)


def route_of(severity: Severity) -> dict[str, Any]:
    """Return the route of a severity: its own settings over the default ones."""
    route = yaml.safe_load(configuration("alerts:8081"))["route"]
    own = [one for one in route.pop("routes") if one["matchers"] == [f'severity="{severity}"']]
    return {**route, **(own[0] if own else {})}


def test_critical_alerts_go_out_at_once_and_separately_for_each_host() -> None:
    critical = route_of(Severity.CRITICAL)

    assert critical["group_wait"] == "0s"
    assert critical["group_interval"] == "10s"  # so that people learn within 15 s that it is over
    assert critical["group_by"] == ["alertname", "instance"]


def test_warnings_are_grouped() -> None:
    warning = route_of(Severity.WARNING)

    assert (warning["group_wait"], warning["group_interval"]) == ("30s", "5m")
    assert warning["group_by"] == ["alertname"]


def test_the_watchdog_is_repeated_every_five_minutes() -> None:
    assert route_of(Severity.NONE)["repeat_interval"] == "5m"


def test_the_receiver_gets_resolved_alerts_too_and_the_token_from_a_file_beside_the_configuration() -> None:
    [receiver] = yaml.safe_load(configuration("alerts:8081"))["receivers"]

    [webhook] = receiver["webhook_configs"]
    assert webhook["url"] == "http://alerts:8081/webhook"
    assert webhook["send_resolved"] is True
    assert webhook["http_config"]["authorization"]["credentials_file"] == TOKEN_FILE


@needs_amtool
@pytest.mark.parametrize("severity", Severity)
def test_amtool_finds_the_route_of_each_severity(severity: Severity, tmp_path: Path) -> None:
    file = written(tmp_path, "alerts:8081")

    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={file}", "--tree", f"severity={severity}"],
        capture_output=True,
        text=True,
        check=True,
    )

    own = f'{{severity="{severity}"}}  receiver: people'
    assert (own in done.stdout) == (severity is not Severity.WARNING)  # which take the default route
    assert done.stdout.strip().endswith("people")


@needs_alertmanager
def test_a_critical_alert_goes_out_at_once_and_silences_the_warning_of_its_topic_and_instance(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver, running(tmp_path, receiver.port) as url:
        post(
            url,
            "alerts",
            [
                fired("ClaudeMemoryDiskFilling", instance="a:9100", mountpoint="/"),
                fired("ClaudeMemoryDiskAlmostFull", instance="a:9100", mountpoint="/"),
                fired("ClaudeMemoryDiskFilling", instance="b:9100", mountpoint="/"),
                fired("ClaudeMemoryMemoryHigh", instance="a:9100"),
                fired("ClaudeMemoryDatabaseGrowing"),
                fired("ClaudeMemoryDatabaseLarge"),
            ],
        )
        logged = wait_until(
            lambda: len(receiver.logged()) >= 2 and receiver.logged(), "both critical alerts in the log"
        )
        states = {
            (one["labels"]["alertname"], one["labels"].get("instance")): one["status"]["state"]
            for one in get(url, "alerts")
        }

    assert {one["labels"]["severity"] for one in logged[:2]} == {"critical"}
    assert states == {
        ("ClaudeMemoryDiskFilling", "a:9100"): "suppressed",
        ("ClaudeMemoryDiskAlmostFull", "a:9100"): "active",
        ("ClaudeMemoryDiskFilling", "b:9100"): "active",
        ("ClaudeMemoryMemoryHigh", "a:9100"): "active",
        ("ClaudeMemoryDatabaseGrowing", None): "suppressed",
        ("ClaudeMemoryDatabaseLarge", None): "active",
    }


@needs_alertmanager
def test_a_service_outside_is_called_for_the_watchdog_alone_which_people_get_too(tmp_path: Path) -> None:
    with (
        answering() as outside,
        receiving(tmp_path) as receiver,
        running(tmp_path, receiver.port, f"{outside.url}/made-up-key") as url,
    ):
        post(url, "alerts", [fired("ClaudeMemoryWatchdog"), fired("ClaudeMemoryDatabaseLarge")])
        wait_until(lambda: len(receiver.logged()) >= 2, "both alerts in the log")
        wait_until(lambda: outside.asked, "a call to the service outside")

    assert {one["labels"]["alertname"] for one in receiver.logged()} == {
        "ClaudeMemoryWatchdog",
        "ClaudeMemoryDatabaseLarge",
    }
    assert {(one.method, one.path) for one in outside.asked} == {("POST", "/made-up-key")}
    assert not [one for one in outside.asked if b"ClaudeMemoryDatabaseLarge" in one.body]
    assert not outside.asked[0].headers.get("authorization"), "the receiver's token is not for others"


@needs_alertmanager
def test_silences_survive_a_restart(tmp_path: Path) -> None:
    silence = {
        "matchers": [{"name": "alertname", "value": "ClaudeMemoryCPUHigh", "isRegex": False}],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "known",
    }
    with running(tmp_path, 9) as url:
        made = post(url, "silences", silence)["silenceID"]

    with running(tmp_path, 9) as url:
        assert [one["id"] for one in get(url, "silences")] == [made]


def written(folder: Path, receiver: str, watchdog_url: str | None = None) -> Path:
    """Write the configuration with the receiver's token beside it."""
    file = folder / MAIN_FILE
    file.write_text(configuration(receiver, watchdog_url), encoding="utf-8")
    (folder / TOKEN_FILE).write_text(TOKEN, encoding="utf-8")
    return file


@contextlib.contextmanager
def receiving(folder: Path) -> Iterator[AlertServer]:
    """Run our receiver for the duration of the block."""
    server = AlertServer(folder / "receiver", ALERTS_TOKEN=TOKEN)
    try:
        assert server.first_line.startswith("listening on"), server.log
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def running(folder: Path, receiver_port: int, watchdog_url: str | None = None) -> Iterator[str]:
    """Run Alertmanager with the flags of its container; yield the URL of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    written(folder, f"127.0.0.1:{receiver_port}", watchdog_url)
    flags = [
        flag.replace(f"0.0.0.0:{PORT}", f"127.0.0.1:{port}") for flag in arguments(str(folder), str(folder / "data"))
    ]
    url = f"http://127.0.0.1:{port}/api/v2"
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([str(ALERTMANAGER), *flags], stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or answers(url), "Alertmanager")
        assert process.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(15)


def answers(url: str) -> bool:
    """Return whether Alertmanager answers."""
    try:
        get(url, "status")
    except OSError:
        return False
    return True


def fired(name: str, **labels: str) -> dict[str, Any]:
    """Return an alert as Prometheus sends it, with the labels of its rule."""
    [rule] = [rule for rule in RULES if rule.name == name]
    return {"labels": {"alertname": name, **rule.to_yaml()["labels"], **labels}, "annotations": {}}


def get(url: str, what: str) -> Any:
    """Return what Alertmanager has."""
    with urllib.request.urlopen(f"{url}/{what}", timeout=5) as answer:
        return json.load(answer)


def post(url: str, what: str, content: Any) -> Any:
    """Give Alertmanager something, and return its answer."""
    request = urllib.request.Request(
        f"{url}/{what}", json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read()
    return json.loads(text) if text else None
