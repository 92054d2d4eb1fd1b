"""A server with a rerank service beside it, and what becomes of search when that service goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins import rerank as standins
from tests.standins.rerank import StandIn, rerank_service
from tests.support.serving import Server, serving

NOTES = ("The car of Nora is in the garage.", "Nora sold her car in May.", "A car needs oil.")


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with rerank_service(relevance=lambda question, text: float("sold" in text)) as service:
        yield service


@pytest.fixture
def environment(standin: StandIn) -> dict[str, Any]:
    return {
        "RERANK_MODEL": standin.model,
        "RERANK_URL": standin.url(standins.COHERE),
        "RERANK_API_KEY": standin.key,
        "RERANK_SECONDS": "30",
    }


def memorize(server: Server) -> None:
    for note in NOTES:
        assert not server.call("memorize", {"text": note})["isError"]


def search(server: Server) -> list[str]:
    found: dict[str, Any] = server.call("search_memory", {"query": "the car of Nora"})["structuredContent"]
    assert not found["degraded"]
    return [one["text"] for one in found["results"]]


def health(server: Server) -> dict[str, Any]:
    part: dict[str, Any] = server.request("GET", "/health")[2]["components"]["rerank"]
    return part


def test_results_come_in_the_order_of_the_service(
    run_folder: Path, standin: StandIn, environment: dict[str, Any]
) -> None:
    with serving(run_folder / "reranked", **environment) as server:
        memorize(server)

        assert search(server)[0] == "Nora sold her car in May."
        assert health(server) == {"status": "ok", "detail": None}
        _, _, metrics = server.request("GET", "/metrics")
        assert "claude_memory_rerank_up 1.0" in metrics
        assert 'claude_memory_reranks_total{outcome="ok"} 1.0' in metrics
        _, _, probed = server.request("POST", "/test", {"test_rerank": True}, {"Content-Type": "application/json"})
        assert probed["results"]["test_rerank"]["ok"]


def test_a_service_that_fails_leaves_the_order_as_it_was_and_is_told(
    run_folder: Path, standin: StandIn, environment: dict[str, Any]
) -> None:
    with serving(run_folder / "refused", **environment, LOG_LEVEL="DEBUG") as server:
        memorize(server)
        standin.fail += [standins.INVALID_KEY] * 100

        assert search(server)[0] == "The car of Nora is in the garage."
        assert search(server)[0] == "The car of Nora is in the garage."
        assert health(server)["status"] == "degraded"
        assert "refuses the key (401); check RERANK_API_KEY" in health(server)["detail"]
        assert len(standin.calls) == 1, "it is left alone for a while"
        assert server.request("GET", "/ready")[0] == 200
        assert server.log.count("searching without the rerank service") == 1
        assert standin.key not in server.log
        assert "Nora" not in server.log


def test_a_slow_service_is_not_waited_for(run_folder: Path, standin: StandIn, environment: dict[str, Any]) -> None:
    with serving(run_folder / "late", **{**environment, "RERANK_SECONDS": "0.05"}) as server:
        memorize(server)
        standin.fail.append(30.0)

        assert search(server)[0] == "The car of Nora is in the garage."
        _, _, metrics = server.request("GET", "/metrics")
        assert 'claude_memory_reranks_total{outcome="late"} 1.0' in metrics


def test_dashscope_without_a_key_refuses_to_start(run_folder: Path) -> None:
    server = Server(run_folder / "rerank-keyless", RERANK_MODEL="qwen3-rerank")
    try:
        assert server.process.wait(30) == 2
        assert "RERANK_MODEL: got 'qwen3-rerank', but DashScope needs a key" in server.log
    finally:
        server.end()
