"""Requests in the three shapes, and what is taken of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.reranking.shapes import Shape, WrongShape, body_of, relevances_in, shape_of, tokens_in


@pytest.mark.parametrize(
    ("url", "shape"),
    [
        ("https://dashscope.aliyuncs.com/api/v1/services/rerank/text-rerank/text-rerank", Shape.DASHSCOPE),
        ("https://dashscope.aliyuncs.com/compatible-api/v1/reranks", Shape.COHERE),
        ("https://api.cohere.com/v2/rerank", Shape.COHERE),
        ("https://api.cohere.com/v2/rerank/?region=eu", Shape.COHERE),
        ("https://api.jina.ai/v1/rerank", Shape.JINA),
        ("http://127.0.0.1:8080/rerank", Shape.JINA),
        ("http://127.0.0.1:8080", Shape.JINA),
    ],
)
def test_the_address_tells_the_shape(url: str, shape: Shape) -> None:
    assert shape_of(url) is shape


def test_each_shape_asks_for_all_texts_and_for_no_text_back() -> None:
    asked = {"query": "q", "documents": ["a", "b"]}

    assert body_of(Shape.DASHSCOPE, "m", "q", ["a", "b"]) == {
        "model": "m",
        "input": asked,
        "parameters": {"top_n": 2, "return_documents": False},
    }
    assert body_of(Shape.COHERE, "m", "q", ["a", "b"]) == {"model": "m", **asked, "top_n": 2}
    assert body_of(Shape.JINA, "m", "q", ["a", "b"]) == {"model": "m", **asked, "top_n": 2, "return_documents": False}


@pytest.mark.parametrize(
    "answer",
    [
        {"results": [{"index": 1, "relevance_score": 2}, {"index": 0, "relevance_score": -3.5}]},
        {"output": {"results": [{"index": 1, "relevance_score": 2.0}, {"index": 0, "relevance_score": -3.5}]}},
        {"results": [{"index": 1, "score": 2.0}, {"index": 0, "score": -3.5, "document": {"text": "a"}}], "id": "x"},
    ],
)
def test_answers_of_every_shape_are_read(answer: dict[str, Any]) -> None:
    assert relevances_in(answer, 2) == {1: 2.0, 0: -3.5}


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": 2, "relevance_score": 0.5},
        {"index": -1, "relevance_score": 0.5},
        {"index": True, "relevance_score": 0.5},
        {"index": 1.0, "relevance_score": 0.5},
        {"index": "1", "relevance_score": 0.5},
        {"relevance_score": 0.5},
        {"index": 1},
        {"index": 1, "relevance_score": None},
        {"index": 1, "relevance_score": "0.5"},
        {"index": 1, "relevance_score": True},
        {"index": 1, "relevance_score": float("nan")},
        {"index": 1, "relevance_score": float("inf")},
        {"index": 1, "relevance_score": 10**400},
        {"index": 0, "relevance_score": 0.1},
        [1, 0.5],
        None,
        "text",
    ],
)
def test_what_does_not_fit_is_left_out_and_the_rest_is_used(wrong: Any) -> None:
    assert relevances_in({"results": [{"index": 0, "relevance_score": 0.9}, wrong]}, 2) == {0: 0.9}


@pytest.mark.parametrize(
    "answer",
    [
        *(None, [], "text", 7, {}, {"results": None}, {"results": {}}, {"results": []}, {"output": []}),
        {"output": {"results": "text"}},
        {"results": [{"index": 9, "relevance_score": 1}]},
    ],
)
def test_an_answer_that_says_nothing_of_any_text_is_of_the_wrong_shape(answer: Any) -> None:
    with pytest.raises(WrongShape):
        relevances_in(answer, 2)


@pytest.mark.parametrize("text", ["NaN", "[[[{}]]]", '{"results": [[]]}', '{"output": {"output": 1}}'])
def test_no_json_breaks_reading(text: str) -> None:
    with pytest.raises(WrongShape):
        relevances_in(json.loads(text), 2)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"usage": {"total_tokens": 79}}, 79),
        ({"usage": {"total_tokens": "79"}}, 0),
        ({"usage": {"total_tokens": -1}}, 0),
        ({"usage": None}, 0),
        ({"meta": {"billed_units": {"search_units": 1}}}, 0),
        ([], 0),
    ],
)
def test_tokens_are_those_the_service_counts(answer: Any, tokens: int) -> None:
    assert tokens_in(answer) == tokens
