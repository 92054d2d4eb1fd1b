"""A server on a cluster of three real Qdrant nodes, of which one after another is killed and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.qdrant_nodes import BINARY, Node
from tests.support.serving import Server, serving
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(BINARY is None, reason="needs Qdrant itself; QDRANT_TEST_BINARY names the program"),
]
NAME = f"cluster_{uuid4().hex[:12]}"


@pytest.fixture
def cluster(run_folder: Path) -> Iterator[list[Node]]:
    """Three nodes that know each other."""
    folder = run_folder / f"cluster-{uuid4().hex[:12]}"
    nodes = [Node(folder / "1", cluster=True)]
    try:
        for number in (2, 3):
            nodes.append(Node(folder / str(number), nodes[0], cluster=True))
        wait_until(
            lambda: all(len(node.ask("/cluster")["peers"]) == 3 for node in nodes), "three nodes know each other"
        )
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def remember(server: Server, text: str) -> dict[str, Any]:
    result = server.call("memorize", {"text": text})
    assert not result["isError"], result
    return dict(result["structuredContent"])


def search(server: Server, query: str, limit: int = 10) -> dict[str, Any]:
    result = server.call("search_memory", {"query": query, "limit": limit})
    assert not result["isError"], result
    return dict(result["structuredContent"])


def lag(server: Server) -> float:
    """Return how many changes the index does not have yet."""
    return float(server.request("GET", "/status")[2]["numbers"]["index_lag_changes"])


def replicas_of(node: Node) -> list[str]:
    """Return the states of all copies of all shards of the live collection, as this node sees them."""
    seen = node.ask(f"/collections/{NAME}/cluster")
    here = [shard["state"] for shard in seen["local_shards"]]
    return here + [shard["state"] for shard in seen["remote_shards"]]


@pytest.mark.parametrize("shard_keys", ["0", "2"])
def test_a_node_that_dies_costs_no_memory_and_no_search(run_folder: Path, cluster: list[Node], shard_keys: str) -> None:
    settings: dict[str, Any] = {
        "QDRANT_URL": ",".join(node.url for node in cluster),
        "QDRANT_COLLECTION": NAME,
        "QDRANT_SHARDS": "2",
        "QDRANT_SHARD_KEYS": shard_keys,
        "QDRANT_REPLICATION_FACTOR": "2",
        "QDRANT_WRITE_CONSISTENCY_FACTOR": "2",  # as in a stack: of the copies that live
    }
    with serving(run_folder / f"served-{uuid4().hex[:12]}", RATE_LIMIT_PER_MINUTE="0", **settings) as server:
        wait_until(
            lambda: server.request("GET", "/health")[2]["components"]["index"]["status"] == "ok", "the collection"
        )
        stored: list[str] = []
        for round_, node in enumerate(cluster):
            stored += [remember(server, f"apple of round {round_}, number {number}")["id"] for number in range(10)]

            node.kill()
            for number in range(10):
                text = f"apple beside dead node {round_}, number {number}"
                stored.append(remember(server, text)["id"])
                assert stored[-1] in [one["id"] for one in search(server, text)["results"]]
            wait_until(lambda: not search(server, "apple")["degraded"], "the other two answer")
            wait_until(lambda: lag(server) == 0, "what was stored beside the dead node is in the index")
            found = search(server, "apple", limit=100)
            assert {one["id"] for one in found["results"]} == set(stored)
            assert not found["degraded"]

            node.start()
            wait_until(lambda: all(set(replicas_of(one)) == {"Active"} for one in cluster), "every copy is whole again")
