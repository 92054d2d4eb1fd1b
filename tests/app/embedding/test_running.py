"""Embeddings as a process runs them."""

from __future__ import annotations

from pathlib import Path

from app.embedding.running import Embedding
from app.embedding.service import EmbeddingService
from app.measuring import METRICS
from app.metrics import MODEL_TOKENS
from tests.standins.embeddings import INVALID_KEY, StandIn
from tests.support.local_model import kept


class NoVectors:
    """A store that has none to make."""


async def test_what_is_sent_is_counted_by_model(service: EmbeddingService, standin: StandIn) -> None:
    embedding = Embedding(service, NoVectors(), tries=1)  # type: ignore[arg-type]
    before = METRICS.by_label(MODEL_TOKENS).get((service.model,), 0.0)
    try:
        assert await embedding.questions.vector("what is known?") is not None
    finally:
        await embedding.close()

    assert METRICS.by_label(MODEL_TOKENS)[service.model,] > before
    assert embedding.problem is None


async def test_a_model_on_this_machine_answers_with_nothing_counted(tmp_path: Path) -> None:
    source = kept(tmp_path)
    embedding = Embedding(source, NoVectors(), tries=1)  # type: ignore[arg-type]
    before = METRICS.by_label(MODEL_TOKENS)
    try:
        assert await embedding.questions.vector("what is known?") is None, "made-up files are no model"
    finally:
        await embedding.close()

    assert embedding.model == source.name
    assert embedding.problem is not None
    assert "claude-memory model remove e5-small, then model add e5-small" in embedding.problem
    assert METRICS.by_label(MODEL_TOKENS) == before


async def test_a_service_that_fails_is_the_problem(service: EmbeddingService, standin: StandIn) -> None:
    standin.fail.append(INVALID_KEY)
    embedding = Embedding(service, NoVectors(), tries=1)  # type: ignore[arg-type]
    try:
        assert await embedding.questions.vector("what is known?") is None
    finally:
        await embedding.close()

    assert embedding.problem is not None
