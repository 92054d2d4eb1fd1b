"""Who is told when: the routes as amtool reads them, and a real Alertmanager with our flags and our receiver."""

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

from infra.selfhost.alertmanager import DATA, PORT, configuration
from infra.selfhost.files import FOLDER
from infra.selfhost.rules import RULES, Severity
from tests.support.alerts import AlertServer
from tests.support.serving import until
from tests.support.stacks import selfhost_plan

TOKEN = "made-up-token-of-alerts"
CONTAINER = "docker:index/container:Container"
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
    """Return what holds for alerts of a severity: its own route's words over the common ones."""
    route = yaml.safe_load(configuration("alerts:8081"))["route"]
    own = [one for one in route.pop("routes") if one["matchers"] == [f'severity="{severity}"']]
    return {**route, **(own[0] if own else {})}


def test_critical_alerts_are_told_at_once_and_each_host_by_itself():
    critical = route_of(Severity.CRITICAL)

    assert critical["group_wait"] == "0s"
    assert critical["group_interval"] == "10s"  # so that its end is told of within 15 s
    assert critical["group_by"] == ["alertname", "instance"]


def test_warnings_wait_for_each_other():
    warning = route_of(Severity.WARNING)

    assert (warning["group_wait"], warning["group_interval"]) == ("30s", "5m")
    assert warning["group_by"] == ["alertname"]


def test_the_watchdog_is_told_again_every_five_minutes():
    assert route_of(Severity.NONE)["repeat_interval"] == "5m"


def test_the_receiver_hears_of_ends_too_and_is_shown_the_token_from_a_file():
    [receiver] = yaml.safe_load(configuration("alerts:8081"))["receivers"]

    [told] = receiver["webhook_configs"]
    assert told["url"] == "http://alerts:8081/webhook"
    assert told["send_resolved"] is True
    assert told["http_config"]["authorization"]["credentials_file"] == f"{FOLDER}/token"


@needs_amtool
@pytest.mark.parametrize("severity", Severity)
def test_amtool_routes_each_severity_as_meant(severity, tmp_path):
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
def test_a_critical_alert_is_told_at_once_and_silences_the_warning_of_its_topic_and_place(tmp_path):
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
        told = until(lambda: len(receiver.logged()) >= 2 and receiver.logged(), "both critical alerts in the log")
        states = {
            (one["labels"]["alertname"], one["labels"].get("instance")): one["status"]["state"]
            for one in get(url, "alerts")
        }

    assert {one["labels"]["severity"] for one in told[:2]} == {"critical"}
    assert states == {
        ("ClaudeMemoryDiskFilling", "a:9100"): "suppressed",
        ("ClaudeMemoryDiskAlmostFull", "a:9100"): "active",
        ("ClaudeMemoryDiskFilling", "b:9100"): "active",
        ("ClaudeMemoryMemoryHigh", "a:9100"): "active",
        ("ClaudeMemoryDatabaseGrowing", None): "suppressed",
        ("ClaudeMemoryDatabaseLarge", None): "active",
    }


@needs_alertmanager
def test_silences_outlive_a_restart(tmp_path):
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


def written(folder: Path, receiver: str) -> Path:
    """Write the configuration with the receiver's token beside it."""
    file = folder / "alertmanager.yml"
    file.write_text(configuration(receiver).replace(FOLDER, str(folder)), encoding="utf-8")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    return file


@contextlib.contextmanager
def receiving(folder: Path) -> Iterator[AlertServer]:
    """Run our receiver as long as the block lasts."""
    server = AlertServer(folder / "receiver", ALERTS_TOKEN=TOKEN)
    try:
        assert server.first_line.startswith("listening on"), server.log
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def running(folder: Path, receiver_port: int) -> Iterator[str]:
    """Run Alertmanager with the flags of its container; yield the address of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    written(folder, f"127.0.0.1:{receiver_port}")
    replaced = {FOLDER: str(folder), DATA: str(folder / "data"), f"0.0.0.0:{PORT}": f"127.0.0.1:{port}"}
    flags = []
    for flag in selfhost_plan().of_type(CONTAINER)["memory-alertmanager"].inputs["command"]:
        name, _, value = flag.partition("=")
        for old, new in replaced.items():
            value = value.replace(old, new) if value.startswith(old) else value
        flags.append(f"{name}={value}")
    url = f"http://127.0.0.1:{port}/api/v2"
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([str(ALERTMANAGER), *flags], stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or answers(url), "Alertmanager")
        assert process.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(15)


def answers(url: str) -> bool:
    """Tell whether Alertmanager is up."""
    try:
        get(url, "status")
    except OSError:
        return False
    return True


def fired(name: str, **labels: str) -> dict[str, Any]:
    """Return an alert as Prometheus sends it, with the labels its rule gives it."""
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
