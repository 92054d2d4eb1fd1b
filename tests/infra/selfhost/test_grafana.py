"""Grafana where a stack asks for it: what it reads, who reaches it, where its password is."""

from __future__ import annotations

import json

import yaml

from infra.monitoring.dashboard import DATASOURCE, dashboard_json
from tests.support.stacks import selfhost_plan

CONTAINER = "docker:index/container:Container"
PASSWORD = "made-up-password-of-grafana"


def with_grafana(**stack):
    """Return the plan of a stack that asks for it."""
    return selfhost_plan(grafana=True, secrets={"grafanaPassword": PASSWORD}, **stack)


def container(**stack):
    return with_grafana(**stack).of_type(CONTAINER)["memory-grafana"].inputs


def files():
    """Return its files by path."""
    holder = with_grafana().of_type(CONTAINER)["memory-grafana-files"].inputs
    return {upload["file"]: upload["content"] for upload in holder["uploads"]}


def environment():
    return dict(pair.split("=", 1) for pair in container()["envs"])


def test_a_stack_that_does_not_ask_for_it_has_none():
    assert not [one for one in selfhost_plan().resources if "grafana" in one.name]


def test_it_listens_on_loopback_of_its_host_alone():
    [port] = container(ports={"grafana": 3001})["ports"]

    assert (port["ip"], port["external"], port["internal"]) == ("127.0.0.1", 3001, 3000)


def test_it_is_held_like_every_other_container_and_writes_to_memory_alone():
    one = container()

    assert one["readOnly"]
    assert one["capabilities"]["drops"] == ["ALL"]
    assert one["user"] == "472:0"
    assert set(one["tmpfs"]) == {"/tmp", "/var/lib/grafana"}
    assert [mount["target"] for mount in one["mounts"]] == ["/run/files"]
    assert one["healthcheck"]["tests"][-1] == "http://127.0.0.1:3000/api/health"


def test_its_password_is_a_secret_file():
    holder = with_grafana().of_type(CONTAINER)["memory-grafana-files"]

    assert files()[environment()["GF_SECURITY_ADMIN_PASSWORD__FILE"]] == PASSWORD
    assert "uploads" in holder.secrets
    assert PASSWORD not in json.dumps(container())


def test_it_finds_prometheus_and_the_dashboard_in_the_folders_it_looks_in():
    provisioning = environment()["GF_PATHS_PROVISIONING"]
    [source] = yaml.safe_load(files()[f"{provisioning}/datasources/prometheus.yml"])["datasources"]
    [provider] = yaml.safe_load(files()[f"{provisioning}/dashboards/files.yml"])["providers"]
    home = environment()["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    assert source["url"] == "http://prometheus:9090"
    assert home.rpartition("/")[0] == provider["options"]["path"]
    assert files()[home] == dashboard_json()
