"""The stand-in answers as a real Qdrant 1.18 did. Needs recorded calls, which are no part of this repository."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins.qdrant import Server
from tests.support.serving import ROOT

RECORDED = Path(os.environ.get("QDRANT_RECORDED", ROOT.parent / "shared" / "qdrant"))

pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason=f"the recorded calls are not there: {RECORDED}")

# Calls this project does not make, and answers that depend on the modifier idf, which it leaves off.
UNUSED = {
    "query sparse",
    "query fused (rrf)",
    "query fused (formula)",
    "query batch",
    "retrieve",
    "facet",
    "set payload",
    "snapshot",
    "snapshots",
    "metrics",
}
# Times, counters and addresses of the machine it was recorded on; how many points a shard got.
VARY = {
    "time",
    "version",
    "operation_id",
    "peer_id",
    "peers",
    "raft_info",
    "segments_count",
    "indexed_vectors_count",
    "points",
    "shards",
    "local_shards",
    "remote_shards",
}
# A stand-in is one node: what happened on and to the others cannot be replayed.
ONE_NODE = ["cluster", "create, custom sharding", "create shard key", "upsert with shard key", "query with shard key"]


def recorded(name: str) -> list[dict[str, Any]]:
    path = RECORDED / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def compared(value: Any, leave_out: frozenset[str] = frozenset(VARY)) -> Any:
    """Return what must be the same; lists of found points are compared, counts of points are not."""
    if isinstance(value, dict):
        return {
            key: compared(one, leave_out)
            for key, one in value.items()
            if key not in leave_out or (key == "points" and isinstance(one, list))
        }
    if isinstance(value, list):
        return [compared(one, leave_out) for one in value]
    return round(value, 5) if isinstance(value, float) else value


def replay(server: Server, calls: list[dict[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        for call in calls:
            body = json.dumps(call["request"]) if call["request"] is not None else None
            connection.request(call["method"], call["path"], body)
            answer = connection.getresponse()
            text = answer.read().decode()
            got = json.loads(text) if text.startswith("{") else text
            yield call["name"], (answer.status, compared(got)), (call["status"], compared(call["response"]))
    finally:
        connection.close()


@pytest.fixture(params=[False, True], ids=["single", "cluster"])
def server(request: pytest.FixtureRequest, run_folder: Path) -> Iterator[Server]:
    server = Server(run_folder / f"replay-{request.param}", cluster=request.param)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    server.node.close()


@pytest.mark.parametrize("server", [False], indirect=True, ids=["single"])
def test_the_life_of_a_collection_is_answered_as_recorded(server: Server) -> None:
    calls = [call for call in recorded("single") if call["name"] not in UNUSED]

    for name, got, wanted in replay(server, calls):
        assert got == wanted, name
    assert len(calls) == 52


@pytest.mark.parametrize("server", [True], indirect=True, ids=["cluster"])
def test_shard_keys_are_answered_as_recorded(server: Server) -> None:
    calls = [call for call in recorded("cluster") if call["name"] in ONE_NODE or "unknown shard key" in call["name"]]

    for name, got, wanted in replay(server, calls):
        assert got == wanted, name
    assert len(calls) == 6


def test_what_was_written_is_there_after_a_restart(run_folder: Path) -> None:
    folder = run_folder / "restarted"
    first = Server(folder)
    calls = [call for call in recorded("single") if call["name"] in ("create collection", "upsert, waited for")]
    thread = threading.Thread(target=first.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    list(replay(first, calls))
    points = first.node.count("m1", {"exact": True})
    first.shutdown()
    thread.join()
    first.server_close()
    first.node.close()

    again = Server(folder)
    assert points == again.node.count("m1", {"exact": True}) != {"count": 0}
    again.server_close()
    again.node.close()
