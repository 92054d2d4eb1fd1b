"""A server on a Qdrant server that dies, hangs and comes back: searches go on, and nobody has to restart anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.qdrant_nodes import Node
from tests.support.serving import Server, serving
from tests.support.waiting import wait_until


@pytest.fixture
def qdrant(run_folder: Path) -> Iterator[Node]:
    node = Node(run_folder / "qdrant-away")
    yield node
    node.kill()


def search(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call("search_memory", {"query": "apple"})["structuredContent"]
    return found


def index(server: Server) -> dict[str, Any]:
    part: dict[str, Any] = server.request("GET", "/health")[2]["components"]["index"]
    return part


def test_searches_go_on_while_qdrant_is_dead_or_hangs(run_folder: Path, qdrant: Node) -> None:
    with serving(run_folder / "served-away", QDRANT_URL=qdrant.url) as server:
        wait_until(lambda: index(server)["status"] == "ok", "the collection answers")
        server.call("memorize", {"text": "apple pie"})
        assert [one["text"] for one in search(server)["results"]] == ["apple pie"]
        assert not search(server)["degraded"]

        qdrant.kill()
        server.call("memorize", {"text": "apple cake"})
        found = search(server)
        assert ({one["text"] for one in found["results"]}, found["degraded"]) == ({"apple pie", "apple cake"}, True)
        assert "Qdrant does not answer" in index(server)["detail"]
        assert server.request("GET", "/ready")[0] == 200
        assert "claude_memory_qdrant_up 0.0" in server.request("GET", "/metrics")[2]

        qdrant.start()
        wait_until(lambda: not search(server)["degraded"], "the index is used again")
        assert {one["text"] for one in search(server)["results"]} == {"apple pie", "apple cake"}

        qdrant.signal(signal.SIGSTOP)
        server.call("memorize", {"text": "apple tart"})
        assert len(search(server)["results"]) == 3
        qdrant.signal(signal.SIGCONT)
        wait_until(lambda: not search(server)["degraded"], "the index is used again")
        assert len(search(server)["results"]) == 3
        assert "claude_memory_qdrant_up 1.0" in wait_until(lambda: server.request("GET", "/metrics")[2], "metrics")
