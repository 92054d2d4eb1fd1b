"""The container of Prometheus: its files, its data, who reaches it, and the reload."""

from __future__ import annotations

import json
from functools import cache

import pulumi
import yaml

from infra.monitoring.jobs import CERTIFICATE, ScrapeJob
from infra.monitoring.prometheus import configuration
from infra.monitoring.rules import rules_file
from infra.plan import Plan, plan_of
from infra.selfhost.prometheus import DATA, Prometheus, PrometheusArgs
from tests.support.components import CONTAINER, built, container, data_mounts, files, placed
from tests.support.stacks import selfhost_plan, selfhost_values

JOBS = [ScrapeJob(name="claude-memory", addresses=["app-1:8080"])]
MORE = [ScrapeJob(name="node", addresses=["10.0.0.3:9100"])]


@cache
def plan(more: bool = False, tls: bool = True, url: str | None = None) -> Plan:
    return built(
        lambda here, there: Prometheus(
            "prometheus",
            PrometheusArgs(
                placement=placed(here, 9090),
                app_image_id="sha256:app",
                jobs=[*JOBS, *MORE] if more else JOBS,
                alertmanager="alertmanager:9093",
                qdrant_api_key=pulumi.Output.secret("made-up-key-of-qdrant"),
                tls=tls,
                standby=False,
                url=url,
                runbook="https://git.example.org/runbook.md",
                alerts_token=pulumi.Output.secret("made-up-token-of-alerts"),
            ),
        )
    )


def test_its_files_are_the_configuration_the_rules_and_the_credentials_of_the_jobs() -> None:
    assert files(plan(), "prometheus") == {
        "prometheus.yml": configuration(JOBS, "alertmanager:9093"),
        "rules.yml": rules_file({"claude-memory", CERTIFICATE}, "https://git.example.org/runbook.md"),
        "qdrant_api_key": "made-up-key-of-qdrant",
        "alerts_token": "made-up-token-of-alerts",
    }
    assert "uploads" in plan().of_type(CONTAINER)["prometheus-files"].secrets
    assert "made-up" not in json.dumps(container(plan(), "prometheus"))


def test_its_command_reads_them_and_keeps_the_series_on_the_volume() -> None:
    inputs = container(plan(), "prometheus")

    assert "--config.file=/run/files/prometheus.yml" in inputs["command"]
    assert f"--storage.tsdb.path={DATA}" in inputs["command"]
    assert data_mounts(inputs) == {DATA: "test-prometheus-data"}


def test_a_certificate_is_missed_only_where_there_is_to_be_one() -> None:
    assert "ClaudeMemoryCertificateUnseen" in files(plan(), "prometheus")["rules.yml"]
    assert "ClaudeMemoryCertificateUnseen" not in files(plan(tls=False), "prometheus")["rules.yml"]


def test_links_lead_to_its_pages_or_to_loopback_of_its_host() -> None:
    assert "--web.external-url=http://127.0.0.1:9090" in container(plan(), "prometheus")["command"]
    elsewhere = container(plan(url="https://prometheus.example.org"), "prometheus")["command"]
    assert "--web.external-url=https://prometheus.example.org" in elsewhere


def test_only_the_operator_reaches_it_from_outside_its_network() -> None:
    assert [(port["ip"], port["external"]) for port in container(plan(), "prometheus")["ports"]] == [
        ("127.0.0.1", 9090)
    ]


def test_another_target_keeps_the_container_and_posts_a_reload_from_the_image_of_the_app() -> None:
    before, after = plan(), plan(more=True)

    assert container(before, "prometheus") == container(after, "prometheus")
    assert container(before, "prometheus-reload")["labels"] != container(after, "prometheus-reload")["labels"]
    assert container(after, "prometheus-reload")["image"] == "sha256:app"
    assert container(after, "prometheus-reload")["command"] == ["http://prometheus:9090/-/reload"]


def test_series_are_sent_as_well_with_a_password_that_only_a_file_has() -> None:
    remote = {"url": "https://metrics.example.org/push", "username": "me"}
    stack = plan_of(selfhost_values({"remoteWritePassword": "made-up-password-of-a-service"}, remoteWrite=remote))

    given = files(stack, "memory-prometheus")
    assert given["remote_write_password"] == "made-up-password-of-a-service"
    [write] = yaml.safe_load(given["prometheus.yml"])["remote_write"]
    assert (write["url"], write["write_relabel_configs"][0]["replacement"]) == (remote["url"], "test")
    assert "uploads" in stack.of_type(CONTAINER)["memory-prometheus-files"].secrets
    assert "made-up-password" not in json.dumps([one.shown for one in stack.resources])


def test_a_service_without_a_password_is_sent_none() -> None:
    stack = selfhost_plan(remoteWrite={"url": "http://10.0.0.9:8428/api/v1/write"})

    assert "authorization" not in yaml.safe_load(files(stack, "memory-prometheus")["prometheus.yml"])["remote_write"][0]
    assert "remote_write_password" not in files(stack, "memory-prometheus")
