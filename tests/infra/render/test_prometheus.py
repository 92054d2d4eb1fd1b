"""Prometheus: what it scrapes and judges, or sends elsewhere as an agent."""

from __future__ import annotations

from functools import cache
from typing import Any

import pulumi
import yaml

from infra import versions
from infra.monitoring.jobs import ALERTS_JOB, APP_JOB, QDRANT_JOB, Lookup
from infra.monitoring.prometheus import RemoteWrite
from infra.plan import Plan
from infra.render.prometheus import Judging, Prometheus, PrometheusArgs, Scraped, Sending
from tests.support.render_plan import PLACE, built, of_kind, one, secret

REMOTE = RemoteWrite(url="https://prometheus.example.com/write", username="me")
JOBS = [APP_JOB, QDRANT_JOB, ALERTS_JOB]


def scraped() -> Scraped:
    secrets = {QDRANT_JOB: "made-up-key", ALERTS_JOB: "made-up-token"}
    return Scraped(
        app_job=APP_JOB,
        app=Lookup(name="claude-memory-web-discovery", port=8080),
        addresses={QDRANT_JOB: "claude-memory-qdrant:6333", ALERTS_JOB: "claude-memory-alerts:8081"},
        credentials={job: pulumi.Output.secret(value) for job, value in secrets.items()},
    )


@cache
def plan() -> Plan:
    return built(
        lambda: Prometheus(
            "prometheus",
            PrometheusArgs(
                place=PLACE,
                plan="standard",
                image=versions.PROMETHEUS,
                scraped=scraped(),
                purpose=Judging(alertmanager="claude-memory-alertmanager:9093", disk_gb=20),
            ),
        )
    )


@cache
def agent() -> Plan:
    return built(
        lambda: Prometheus(
            "prometheus",
            PrometheusArgs(
                place=PLACE,
                plan="starter",
                image=versions.PROMETHEUS,
                scraped=scraped(),
                purpose=Sending(remote=REMOTE, password=pulumi.Output.secret("made-up-password")),
            ),
        )
    )


def main_file(inputs: Any) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(inputs["secretFiles"]["prometheus.yml"])
    return tree


def test_every_instance_of_the_app_is_scraped_and_the_services_beside_it() -> None:
    found = {job["job_name"]: job for job in main_file(one(plan(), "PrivateService"))["scrape_configs"]}

    assert found[APP_JOB]["dns_sd_configs"][0]["names"] == ["claude-memory-web-discovery"]
    assert found[QDRANT_JOB]["static_configs"] == [{"targets": ["claude-memory-qdrant:6333"]}]
    assert found[ALERTS_JOB]["static_configs"] == [{"targets": ["claude-memory-alerts:8081"]}]


def test_the_rules_leave_out_what_nothing_here_can_feed() -> None:
    rules = yaml.safe_load(one(plan(), "PrivateService")["secretFiles"]["rules.yml"])["groups"][0]["rules"]
    names = {rule["alert"] for rule in rules}

    assert "ClaudeMemoryMCPDown" in names
    assert "ClaudeMemoryWorkerWithoutLeader" not in names, "nothing reaches a background worker"


def test_credentials_are_files_that_are_not_read_back() -> None:
    service = of_kind(plan(), "PrivateService")["prometheus"]

    assert secret(service.inputs["secretFiles"]) == {"qdrant_api_key": "made-up-key", "alerts_token": "made-up-token"}
    assert service.secrets == {"secretFiles"}


def test_it_finds_its_files_where_render_puts_them_and_writes_below_its_disk() -> None:
    given = one(plan(), "PrivateService")
    program, *arguments = given["dockerCommand"].split()

    assert program == "/bin/prometheus", "in place of the image's entry point, without a shell that would look for it"
    assert "--config.file=/etc/secrets/prometheus.yml" in arguments
    assert "--storage.tsdb.path=/prometheus/data" in arguments
    assert given["disk"] == {"name": "data", "mountPath": "/prometheus", "sizeGB": 20}
    assert given["envVars"] == {"PORT": "9090"}


def test_an_agent_sends_all_elsewhere_and_keeps_and_judges_nothing() -> None:
    given = one(agent(), "PrivateService")
    tree = main_file(given)

    assert tree["remote_write"] == [
        {"url": REMOTE.url, "basic_auth": {"username": "me", "password_file": "remote_write_password"}}
    ]
    assert [job["job_name"] for job in tree["scrape_configs"]] == JOBS
    assert secret(given["secretFiles"])["remote_write_password"] == "made-up-password"
    assert "--agent" in given["dockerCommand"].split()
    assert "rules.yml" not in given["secretFiles"]
    assert "disk" not in given


def test_one_service_takes_up_either_purpose_since_two_could_not_have_its_name() -> None:
    assert list(of_kind(plan(), "PrivateService")) == list(of_kind(agent(), "PrivateService")) == ["prometheus"]
    assert [one.type for one in plan().resources] == [one.type for one in agent().resources]
