"""The stand-in answers as rerank services document it: their example requests get answers of their examples' form.

The examples, in the words of the documents, are from help.aliyun.com/document_detail/2780059.html and
…/zh/model-studio/text-rerank-api (DashScope), docs.cohere.com/reference/rerank, jina.ai/reranker and the server's
README of llama.cpp, whose answer lacks what others add.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.reranking.shapes import relevances_in
from tests.standins.rerank import COHERE, DASHSCOPE, JINA, QWEN, StandIn, rerank_service

TEXTS = ["文本排序模型广泛用于搜索引擎和推荐系统中", "量子计算是计算科学的一个前沿领域", "预训练语言模型的发展"]
QUESTION = "什么是文本排序模型"
FLAT = {"model": "m", "query": QUESTION, "documents": TEXTS, "top_n": 2}
REQUESTS: dict[str, dict[str, Any]] = {
    DASHSCOPE: {
        "model": "m",
        "input": {"query": QUESTION, "documents": TEXTS},
        "parameters": {"return_documents": True, "top_n": 2},
    },
    QWEN: FLAT,
    COHERE: FLAT,
    JINA: {**FLAT, "return_documents": True},
}
_WITH_TEXT = [
    {"index": 0, "relevance_score": 0.7314485774089865, "document": {"text": TEXTS[0]}},
    {"index": 2, "relevance_score": 0.5831720487049298, "document": {"text": TEXTS[2]}},
]
_WITHOUT = [{"index": 3, "relevance_score": 0.999071}, {"index": 0, "relevance_score": 0.32713068}]
ANSWERS: dict[str, dict[str, Any]] = {
    DASHSCOPE: {"output": {"results": _WITH_TEXT}, "usage": {"total_tokens": 79}, "request_id": "9676afe6"},
    QWEN: {
        "object": "list",
        "results": _WITHOUT,
        "model": "qwen3-rerank",
        "id": "85ba5752",
        "usage": {"total_tokens": 79},
    },
    COHERE: {
        "results": _WITHOUT,
        "id": "07734bd2",
        "meta": {"api_version": {"version": "2", "is_experimental": False}, "billed_units": {"search_units": 1}},
    },
    JINA: {"model": "jina-reranker-v2-base-multilingual", "usage": {"total_tokens": 815}, "results": _WITH_TEXT},
}
LLAMA_CPP = {
    "model": "m",
    "object": "list",
    "usage": {"prompt_tokens": 42, "total_tokens": 42},
    "results": [{"index": 0, "relevance_score": -8.17}, {"index": 1, "relevance_score": -8.06}],
}


@pytest.fixture
def service() -> Iterator[StandIn]:
    with rerank_service(model="m") as service:
        yield service


def ask(service: StandIn, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    return httpx.post(service.url(path), json=body, headers={"Authorization": f"Bearer {key or service.key}"})


def form(value: Any) -> Any:
    """Return the names and types in a value; of a list, its first member's."""
    if isinstance(value, dict):
        return {name: form(one) for name, one in value.items()}
    return [form(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("path", REQUESTS)
def test_a_documented_request_gets_an_answer_of_the_documented_form(service: StandIn, path: str) -> None:
    answered = ask(service, path, REQUESTS[path])

    assert answered.status_code == 200
    assert form(answered.json()) == form(ANSWERS[path])
    assert len(answered.json().get("output", answered.json())["results"]) == 2, "as many as were asked for"


@pytest.mark.parametrize("answer", [*ANSWERS.values(), LLAMA_CPP])
def test_the_documented_answers_are_read(answer: dict[str, Any]) -> None:
    results = answer.get("output", answer)["results"]

    assert relevances_in(answer, 4) == {one["index"]: one["relevance_score"] for one in results}


@pytest.mark.parametrize("path", REQUESTS)
def test_a_wrong_key_a_wrong_model_and_an_unknown_field_are_refused(service: StandIn, path: str) -> None:
    assert ask(service, path, REQUESTS[path], key="another").status_code == 401
    assert ask(service, path, {**REQUESTS[path], "model": "another"}).status_code == 404
    assert ask(service, path, {**REQUESTS[path], "surprise": 1}).status_code == 400


def test_another_path_has_nothing(service: StandIn) -> None:
    assert ask(service, "/v3/rerank", FLAT).status_code == 404
