"""Prometheus' configuration and command line, as every target gets them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.jobs import ALERTS_JOB, APP_JOB, CREDENTIALS, QDRANT_JOB, Lookup, ScrapeJob
from infra.monitoring.prometheus import (
    INTERVAL_S,
    LOOKBACK_S,
    MAIN_FILE,
    PASSWORD_FILE,
    RULES_FILE,
    RemoteWrite,
    agent_arguments,
    agent_configuration,
    arguments,
    configuration,
)
from infra.monitoring.rules import RULES
from tests.support.answering import answering
from tests.support.docker import free_port
from tests.support.promtool import needs_promtool, promtool
from tests.support.waiting import wait_until

needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")

JOBS = [
    ScrapeJob(name=APP_JOB, addresses=["app-1:8080", "app-2:8080"]),
    ScrapeJob(name=QDRANT_JOB, addresses=["qdrant-1:6333"]),
    ScrapeJob(name="far", addresses=["10.0.0.2:9100"], labels={"host": "two"}),
]


def parsed() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(configuration(JOBS, "alertmanager:9093"))
    return tree


def scraped() -> dict[str, dict[str, Any]]:
    return {scrape["job_name"]: scrape for scrape in parsed()["scrape_configs"]}


def test_each_job_scrapes_its_addresses() -> None:
    targets = {name: scrape["static_configs"][0]["targets"] for name, scrape in scraped().items()}

    assert targets == {
        APP_JOB: ["app-1:8080", "app-2:8080"],
        QDRANT_JOB: ["qdrant-1:6333"],
        "far": ["10.0.0.2:9100"],
    }


def test_a_lookup_scrapes_every_address_of_a_name() -> None:
    looked_up = ScrapeJob(name=APP_JOB, lookup=Lookup(name="app-discovery", port=8080))

    [scrape] = yaml.safe_load(configuration([looked_up], "alertmanager:9093"))["scrape_configs"]
    assert scrape == {
        "job_name": APP_JOB,
        "dns_sd_configs": [{"names": ["app-discovery"], "type": "A", "port": 8080, "refresh_interval": "15s"}],
    }


def test_labels_are_those_of_the_job_and_none_without() -> None:
    assert scraped()["far"]["static_configs"][0]["labels"] == {"host": "two"}
    assert "labels" not in scraped()[APP_JOB]["static_configs"][0]


def test_a_credential_is_named_by_its_file_and_only_for_jobs_that_need_one() -> None:
    assert scraped()[QDRANT_JOB]["authorization"] == {"credentials_file": CREDENTIALS[QDRANT_JOB]}
    assert "authorization" not in scraped()[APP_JOB]
    assert set(CREDENTIALS) == {QDRANT_JOB, ALERTS_JOB}


def test_alerts_go_to_alertmanager() -> None:
    assert parsed()["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]}


def test_no_path_is_in_the_configuration_so_that_the_files_may_be_in_any_folder() -> None:
    assert parsed()["rule_files"] == [RULES_FILE]
    assert "/" not in configuration(JOBS, "alertmanager:9093")


def test_a_scrape_ends_before_the_next_and_rules_are_evaluated_as_often() -> None:
    times = parsed()["global"]

    assert times["scrape_interval"] == times["evaluation_interval"] == f"{INTERVAL_S}s"
    assert times["scrape_timeout"] == f"{INTERVAL_S - 1}s"
    assert all(rule.for_s % INTERVAL_S == 0 for rule in RULES)


@pytest.mark.parametrize(
    "argument",
    [
        "--config.file=/files/prometheus.yml",
        "--storage.tsdb.path=/data",
        "--web.enable-lifecycle",  # for the reload
        "--web.listen-address=0.0.0.0:9090",
        "--rules.alert.resend-delay=15s",
        "--storage.tsdb.retention.time=30d",
    ],
)
def test_the_command_line_has(argument: str) -> None:
    assert argument in arguments("/files", "/data")


def test_links_in_alerts_lead_where_people_find_its_pages_and_it_stays_at_its_own_path() -> None:
    given = arguments("/files", "/data", "https://example.org/prometheus")

    assert given[-2:] == ["--web.external-url=https://example.org/prometheus", "--web.route-prefix=/"]
    assert not [one for one in arguments("/files", "/data") if "external" in one]


REMOTE = RemoteWrite(url="https://prometheus.example.com/api/v1/write", username="me")


def test_series_are_sent_to_a_service_as_well_with_the_name_of_the_stack() -> None:
    tree = yaml.safe_load(configuration(JOBS, "alertmanager:9093", replace(REMOTE, stack="production")))

    [write] = tree.pop("remote_write")
    assert tree == parsed()
    assert write == {
        "url": REMOTE.url,
        "write_relabel_configs": [{"target_label": "stack", "replacement": "production"}],
        "basic_auth": {"username": "me", "password_file": PASSWORD_FILE},
    }


def test_a_service_that_asks_for_nothing_gets_no_credential() -> None:
    tree = yaml.safe_load(configuration(JOBS, "alertmanager:9093", RemoteWrite(url=REMOTE.url, anonymous=True)))

    assert tree["remote_write"] == [{"url": REMOTE.url}]


@needs_prometheus
@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        (RemoteWrite(url="", username="me", stack="production"), "Basic bWU6bWFkZS11cA=="),
        (RemoteWrite(url="", stack="production"), "Bearer made-up"),
    ],
    ids=["user", "token"],
)
def test_a_real_prometheus_sends_its_series_with_the_credential_of_the_file(
    remote: RemoteWrite, shown: str, tmp_path: Path
) -> None:
    with answering() as service:
        main = configuration([], "127.0.0.1:9", replace(remote, url=f"{service.url}/write"))
        scrape = {"job_name": "itself", "scrape_interval": "1s", "scrape_timeout": "1s"}
        port = free_port()
        tree = {
            **yaml.safe_load(main),
            "scrape_configs": [{**scrape, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
        }
        (tmp_path / MAIN_FILE).write_text(yaml.safe_dump(tree), encoding="utf-8")
        (tmp_path / RULES_FILE).write_text("groups: []", encoding="utf-8")
        (tmp_path / PASSWORD_FILE).write_text("made-up", encoding="utf-8")
        flags = [
            flag.replace("0.0.0.0:9090", f"127.0.0.1:{port}") for flag in arguments(str(tmp_path), str(tmp_path / "d"))
        ]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(["prometheus", *flags], stdout=log, stderr=log)
        try:
            wait_until(lambda: service.asked or process.poll() is not None, "the first series", 30)
            assert process.poll() is None, (tmp_path / "log").read_text()
        finally:
            process.terminate()
            process.wait(15)

    first = service.asked[0]
    assert (first.method, first.path, first.headers["authorization"]) == ("POST", "/write", shown)
    assert b"production" in first.body  # short enough that its compression leaves it whole


def test_an_agent_scrapes_the_same_and_sends_it_to_the_service() -> None:
    tree = yaml.safe_load(agent_configuration(JOBS, REMOTE))

    assert tree["scrape_configs"] == parsed()["scrape_configs"]
    assert tree["remote_write"] == [
        {"url": REMOTE.url, "basic_auth": {"username": "me", "password_file": PASSWORD_FILE}}
    ]
    assert not {"rule_files", "alerting"} & tree.keys()


def test_an_agent_shows_a_token_where_there_is_no_user() -> None:
    [write] = yaml.safe_load(agent_configuration(JOBS, RemoteWrite(url=REMOTE.url)))["remote_write"]

    assert write == {"url": REMOTE.url, "authorization": {"credentials_file": PASSWORD_FILE}}


@needs_promtool
@pytest.mark.parametrize("remote", [REMOTE, RemoteWrite(url=REMOTE.url)], ids=["user", "token"])
def test_promtool_finds_nothing_wrong_with_an_agent(remote: RemoteWrite, tmp_path: Path) -> None:
    lookup = ScrapeJob(name="found", lookup=Lookup(name="app-discovery", port=8080))
    (tmp_path / MAIN_FILE).write_text(agent_configuration([*JOBS, lookup], remote), encoding="utf-8")
    for name in (PASSWORD_FILE, *CREDENTIALS.values()):
        (tmp_path / name).write_text("made-up", encoding="utf-8")

    promtool(tmp_path, "check", "config", "--agent", MAIN_FILE)


def test_the_command_line_of_an_agent_has_only_what_an_agent_knows() -> None:
    assert agent_arguments("/files", "/data") == [
        "--agent",
        "--config.file=/files/prometheus.yml",
        "--storage.agent.path=/data",
        "--web.listen-address=0.0.0.0:9090",
    ]


def test_no_alert_waits_less_than_a_last_measurement_counts() -> None:
    """tests/e2e/test_prometheus_restarts.py tries what would happen."""
    assert f"--query.lookback-delta={LOOKBACK_S}s" in arguments("/files", "/data")
    assert 2 * INTERVAL_S < LOOKBACK_S < min(rule.for_s for rule in RULES if "up{" in rule.expression)
