"""The container of Grafana: what it reads, who reaches it, where its password is."""

from __future__ import annotations

import json
from functools import cache

import pulumi
import yaml

from infra.monitoring.dashboard import DATASOURCE, dashboard_json
from infra.plan import Plan
from infra.selfhost.grafana import Grafana, GrafanaArgs
from tests.support.components import CONTAINER, built, container, data_mounts, environment, files, placed
from tests.support.stacks import selfhost_plan

PASSWORD = "made-up-password-of-grafana"
FOLDER = "/run/files/"


@cache
def plan() -> Plan:
    return built(
        lambda here, there: Grafana(
            "grafana",
            GrafanaArgs(
                placement=placed(here, 3001), prometheus="prometheus:9090", password=pulumi.Output.secret(PASSWORD)
            ),
        )
    )


def settings() -> dict[str, str]:
    return environment(container(plan(), "grafana"))


def test_only_a_stack_that_wants_it_has_it() -> None:
    with_grafana = selfhost_plan(grafana=True, secrets={"grafanaPassword": PASSWORD})

    assert "memory-grafana" in with_grafana.of_type(CONTAINER)
    assert not [one for one in selfhost_plan().resources if "grafana" in one.name]


def test_only_the_operator_reaches_it_from_outside_its_network() -> None:
    [port] = container(plan(), "grafana")["ports"]

    assert (port["ip"], port["external"], port["internal"]) == ("127.0.0.1", 3001, 3000)


def test_it_keeps_nothing_and_writes_to_memory_alone() -> None:
    inputs = container(plan(), "grafana")

    assert inputs["readOnly"] is True
    assert inputs["user"] == "472:0"
    assert set(inputs["tmpfs"]) == {"/tmp", "/var/lib/grafana"}
    assert data_mounts(inputs) == {}


def test_it_is_healthy_when_its_api_says_so() -> None:
    assert container(plan(), "grafana")["healthcheck"]["tests"][-1] == "http://127.0.0.1:3000/api/health"


def test_its_password_is_a_secret_file() -> None:
    path = settings()["GF_SECURITY_ADMIN_PASSWORD__FILE"]

    assert files(plan(), "grafana")[path.removeprefix(FOLDER)] == PASSWORD
    assert "uploads" in plan().of_type(CONTAINER)["grafana-files"].secrets
    assert PASSWORD not in json.dumps(container(plan(), "grafana"))


def test_it_finds_prometheus_and_the_dashboard_in_the_folders_it_looks_in() -> None:
    found = files(plan(), "grafana")
    provisioning = settings()["GF_PATHS_PROVISIONING"].removeprefix(FOLDER)
    [source] = yaml.safe_load(found[f"{provisioning}/datasources/prometheus.yml"])["datasources"]
    [provider] = yaml.safe_load(found[f"{provisioning}/dashboards/files.yml"])["providers"]
    home = settings()["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    assert source["url"] == "http://prometheus:9090"
    assert home.rpartition("/")[0] == provider["options"]["path"]
    assert found[home.removeprefix(FOLDER)] == dashboard_json()


def test_it_reports_nothing_to_its_makers() -> None:
    off = [name for name, value in settings().items() if value == "false"]

    assert {"GF_ANALYTICS_REPORTING_ENABLED", "GF_ANALYTICS_CHECK_FOR_UPDATES", "GF_NEWS_NEWS_FEED_ENABLED"} <= set(off)
