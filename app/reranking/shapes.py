"""Writes requests to rerank services in their three shapes, and reads their answers.

- DashScope: https://help.aliyun.com/zh/model-studio/text-rerank-api; its qwen3-rerank speaks Cohere's shape
- Cohere: https://docs.cohere.com/reference/rerank
- Jina: https://jina.ai/reranker; vLLM, llama.cpp and gateways speak it too
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit


class Shape(StrEnum):
    """What a request looks like."""

    DASHSCOPE = "dashscope"
    COHERE = "cohere"
    JINA = "jina"


class WrongShape(ValueError):
    """An answer says of no text how relevant it is."""


def shape_of(url: str) -> Shape:
    """Return the shape of requests to an address, by the end of its path."""
    path = urlsplit(url).path.rstrip("/")
    if path.endswith("/text-rerank"):
        return Shape.DASHSCOPE
    return Shape.COHERE if path.endswith(("/v2/rerank", "/reranks")) else Shape.JINA


def body_of(shape: Shape, model: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the body of a request for the relevance of all texts, which the answer need not repeat."""
    asked, all_of_them = {"query": question, "documents": list(texts)}, {"top_n": len(texts)}
    silent = {"return_documents": False}
    if shape is Shape.DASHSCOPE:
        return {"model": model, "input": asked, "parameters": {**all_of_them, **silent}}
    if shape is Shape.COHERE:  # which refuses fields that it does not know, and repeats nothing
        return {"model": model, **asked, **all_of_them}
    return {"model": model, **asked, **all_of_them, **silent}


def relevances_in(answer: Any, texts: int) -> dict[int, float]:
    """Return the relevance of texts by their places; places that do not exist or come twice are left out.

    Every shape of answer is read, whatever was asked in. texts: how many were sent. Raises WrongShape.
    """
    found: dict[int, float] = {}
    for result in _results(answer):
        if not isinstance(result, dict):
            continue
        place, relevance = result.get("index"), _number(result.get("relevance_score", result.get("score")))
        if type(place) is int and 0 <= place < texts and relevance is not None:
            found.setdefault(place, relevance)
    if not found:
        raise WrongShape
    return found


def tokens_in(answer: Any) -> int:
    """Return how many tokens the service counted; 0 if it does not say."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens > 0 else 0


def _results(answer: Any) -> list[Any]:
    holder = answer.get("output", answer) if isinstance(answer, dict) else None
    results = holder.get("results") if isinstance(holder, dict) else None
    return results if isinstance(results, list) else []


def _number(value: Any) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
