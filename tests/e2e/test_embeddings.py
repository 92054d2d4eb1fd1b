"""A server with an embedding service beside it, and what becomes of search when that service goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins import embeddings as standins
from tests.standins.embeddings import StandIn, embedding_service
from tests.support.serving import Server, serving
from tests.support.waiting import wait_until


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with embedding_service(most_texts=64) as service:
        yield service


@pytest.fixture
def environment(standin: StandIn) -> dict[str, Any]:
    return {
        "EMBEDDING_MODEL": standin.model,
        "EMBEDDING_BASE_URL": standin.url,
        "EMBEDDING_API_KEY": standin.key,
        "MAX_RETRY_ATTEMPTS": "1",
    }


def memorize(server: Server, text: str) -> None:
    assert not server.call("memorize", {"text": text})["isError"]


def search(server: Server, query: str) -> list[str]:
    found: dict[str, Any] = server.call("search_memory", {"query": query})["structuredContent"]
    assert not found["degraded"]
    return [one["text"] for one in found["results"]]


def health(server: Server) -> dict[str, Any]:
    part: dict[str, Any] = server.request("GET", "/health")[2]["components"]["embeddings"]
    return part


def test_a_memory_is_found_by_its_meaning_soon_after_and_again_after_a_restart(
    run_folder: Path, standin: StandIn, environment: dict[str, Any]
) -> None:
    folder = run_folder / "meaning"
    with serving(folder, **environment) as server:
        memorize(server, "Nora bought a red car.")
        memorize(server, "The bread is in the oven.")
        assert search(server, "bread")[0] == "The bread is in the oven.", "words find it at once"

        wait_until(lambda: search(server, "automobile")[:1] == ["Nora bought a red car."], "the meaning finds it")
        assert health(server) == {"status": "ok", "detail": None}
        _, _, metrics = server.request("GET", "/metrics")
        assert "claude_memory_embeddings_up 1.0" in metrics
        assert f'claude_memory_model_tokens_total{{model="{standin.model}"}}' in metrics

    embedded = [text for text in standin.texts if text.endswith(".")]
    with serving(folder, **environment) as server:
        assert search(server, "汽车")[:1] == ["Nora bought a red car."]
    assert [text for text in standin.texts if text.endswith(".")] == embedded, "nothing is paid for twice"


def test_a_service_that_fails_leaves_search_to_the_words_and_is_told(
    run_folder: Path, standin: StandIn, environment: dict[str, Any]
) -> None:
    with serving(run_folder / "failing", **environment) as server:
        standin.fail += [standins.INVALID_KEY] * 100
        memorize(server, "Nora bought a red car.")

        assert search(server, "car") == ["Nora bought a red car."]
        wait_until(lambda: health(server)["status"] == "degraded", "the failure is told")
        assert "does not know the key (401 invalid_api_key)" in health(server)["detail"]
        _, _, probed = server.request("POST", "/test", {"test_embeddings": True}, {"Content-Type": "application/json"})
        assert not probed["results"]["test_embeddings"]["ok"]
        assert standin.key not in server.log
        assert server.request("GET", "/ready")[0] == 200


def test_with_another_model_all_memories_get_new_vectors_by_themselves(
    run_folder: Path, standin: StandIn, environment: dict[str, Any]
) -> None:
    folder = run_folder / "changing"
    with serving(folder, **environment) as server:
        memorize(server, "Nora bought a red car.")
        wait_until(lambda: search(server, "automobile"), "the meaning finds it")

    with serving(folder, **environment, EMBEDDING_DIMENSIONS="32") as server:
        wait_until(lambda: search(server, "automobile"), "the meaning finds it again")
        assert standin.calls[-1]["dimensions"] == 32

    without = {name: value for name, value in environment.items() if not name.startswith("EMBEDDING")}
    with serving(folder, **without) as server:
        assert search(server, "automobile") == []
        assert search(server, "car") == ["Nora bought a red car."]


def test_dashscope_without_a_key_refuses_to_start(run_folder: Path) -> None:
    server = Server(run_folder / "keyless", EMBEDDING_MODEL="text-embedding-v4")
    try:
        assert server.process.wait(30) == 2
        assert "DashScope needs a key; set DASHSCOPE_API_KEY" in server.log
    finally:
        server.end()
