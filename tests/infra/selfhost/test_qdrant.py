"""Qdrant: one node or a cluster, its key, its data, who reaches it."""

from __future__ import annotations

import json
from functools import cache

import pulumi
import pytest

from infra.plan import Plan
from infra.selfhost.qdrant import DATA, SNAPSHOTS, Qdrant, QdrantArgs
from tests.support.components import CONTAINER, HERE, built, container, data_mounts, files, placed

KEY = "made-up-key-of-qdrant"


@cache
def plan(nodes: int = 1, elsewhere: bool = False) -> Plan:
    return built(
        lambda here, there: Qdrant(
            "qdrant",
            QdrantArgs(
                placement=placed(here, 6334),
                nodes=nodes,
                api_key=pulumi.Output.secret(KEY),
                users=(there,) if elsewhere else (here,),
            ),
        )
    )


def test_a_single_node_is_no_cluster() -> None:
    assert json.loads(files(plan(), "qdrant-1")["config.yaml"])["cluster"] == {"enabled": False}
    assert not {"--uri", "--bootstrap"} & set(container(plan(), "qdrant-1")["command"])


def test_the_nodes_of_a_cluster_join_the_first_by_its_alias() -> None:
    cluster = plan(nodes=3)

    for number in (1, 2, 3):
        command = container(cluster, f"qdrant-{number}")["command"]
        assert command[command.index("--uri") + 1] == f"http://qdrant-{number}:6335"
        assert ("--bootstrap" in command) == (number > 1)
        assert json.loads(files(cluster, f"qdrant-{number}")["config.yaml"])["cluster"] == {"enabled": True}
    assert "http://qdrant-1:6335" in container(cluster, "qdrant-3")["command"]


def test_each_node_has_an_alias_of_its_own_and_the_common_one() -> None:
    aliases = [container(plan(nodes=3), f"qdrant-{n}")["networksAdvanced"][0]["aliases"] for n in (1, 2, 3)]

    assert aliases == [["qdrant-1", "qdrant"], ["qdrant-2", "qdrant"], ["qdrant-3", "qdrant"]]


def test_each_node_has_a_data_volume_of_its_own_and_snapshots_in_memory() -> None:
    for number in (1, 2, 3):
        inputs = container(plan(nodes=3), f"qdrant-{number}")
        assert data_mounts(inputs) == {DATA: f"test-qdrant-{number}-data"}
        assert SNAPSHOTS in inputs["tmpfs"]


def test_the_key_is_in_a_secret_file_and_nowhere_else() -> None:
    assert json.loads(files(plan(), "qdrant-1")["config.yaml"])["service"]["api_key"] == KEY
    assert "uploads" in plan().of_type(CONTAINER)["qdrant-1-files"].secrets
    assert KEY not in json.dumps(container(plan(), "qdrant-1"))


@pytest.mark.parametrize("nodes", [1, 3])
def test_only_the_first_node_is_published_and_only_to_users_on_other_hosts(nodes: int) -> None:
    published = [
        [(port["ip"], port["external"]) for port in container(plan(nodes, elsewhere=True), f"qdrant-{number}")["ports"]]
        for number in range(1, nodes + 1)
    ]

    assert published == [[(HERE, 6334)]] + [[]] * (nodes - 1)
    assert container(plan(nodes), "qdrant-1")["ports"] == []


def test_it_is_ready_when_it_says_so_not_when_its_port_is_open() -> None:
    command = container(plan(), "qdrant-1")["healthcheck"]["tests"][-1]

    assert "GET /readyz" in command
    assert '[ "$status" = 200 ]' in command


def test_it_reports_nothing_to_its_makers() -> None:
    assert "--disable-telemetry" in container(plan(), "qdrant-1")["command"]
