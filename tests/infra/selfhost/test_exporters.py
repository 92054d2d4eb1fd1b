"""The exporters: what they read, with whose rights, and who reaches them."""

from __future__ import annotations

import json
from functools import cache

import pulumi

from infra.plan import Plan
from infra.selfhost.exporters import NodeExporter, NodeExporterArgs, PostgresExporter, PostgresExporterArgs
from tests.support.components import CONTAINER, HERE, built, container, data_mounts, environment, files, placed

PASSWORD = "made-up-password-of-the-app"


@cache
def node(elsewhere: bool) -> Plan:
    """Return the plan of a node exporter; whether Prometheus runs on another host."""
    return built(
        lambda here, there: NodeExporter(
            "node", NodeExporterArgs(placement=placed(here, 9101), monitoring=there if elsewhere else here)
        )
    )


@cache
def postgres() -> Plan:
    return built(
        lambda here, there: PostgresExporter(
            "postgres",
            PostgresExporterArgs(
                alias="postgres-exporter",
                placement=placed(here),
                database="10.0.0.9:5432",
                password=pulumi.Output.secret(PASSWORD),
            ),
        )
    )


def test_the_node_exporter_sees_the_file_systems_of_its_host_and_can_change_none() -> None:
    [mount] = container(node(elsewhere=False), "node")["mounts"]

    assert (mount["source"], mount["target"], mount["readOnly"]) == ("/", "/host", True)
    assert "--path.rootfs=/host" in container(node(elsewhere=False), "node")["command"]


def test_the_node_exporter_is_published_only_to_a_prometheus_on_another_host() -> None:
    assert container(node(elsewhere=False), "node")["ports"] == []

    [port] = container(node(elsewhere=True), "node")["ports"]
    assert (port["ip"], port["external"], port["internal"]) == (HERE, 9101, 9100)


def test_the_postgres_exporter_logs_in_as_the_app_not_as_the_superuser() -> None:
    given = environment(container(postgres(), "postgres"))

    assert given["DATA_SOURCE_USER"] == "claude_memory"
    assert given["DATA_SOURCE_URI"] == "10.0.0.9:5432/claude_memory?sslmode=disable"


def test_the_password_of_the_postgres_exporter_is_a_secret_file() -> None:
    given = environment(container(postgres(), "postgres"))

    assert given["DATA_SOURCE_PASS_FILE"] == "/run/files/password"
    assert files(postgres(), "postgres") == {"password": PASSWORD}
    assert "uploads" in postgres().of_type(CONTAINER)["postgres-files"].secrets
    assert PASSWORD not in json.dumps(container(postgres(), "postgres"))


def test_the_postgres_exporter_is_never_published() -> None:
    assert container(postgres(), "postgres")["ports"] == []


def test_exporters_run_without_rights_keep_nothing_and_answer_their_health_check() -> None:
    for inputs, port in ((container(node(True), "node"), 9100), (container(postgres(), "postgres"), 9187)):
        assert inputs["user"] == "65534:65534"
        assert data_mounts(inputs) == {}
        assert inputs["healthcheck"]["tests"][-1] == f"http://127.0.0.1:{port}/"
