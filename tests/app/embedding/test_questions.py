"""Vectors of questions: in time, from memory, or not at all; a search never fails for want of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest

from app.embedding import questions as questions_module
from app.embedding.questions import Questions
from app.errors import EmbeddingUnavailable


class Embedder:
    """Counts what it is asked; `fails` or `takes_s` as long as a test wants."""

    model, at_once = "model", 10

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails: EmbeddingUnavailable | None = None
        self.takes_s = 0.0
        self.vector: tuple[float, ...] | None = (1.0, 0.0)

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[tuple[float, ...] | None]:
        assert kind == "query"
        self.asked += texts
        await asyncio.sleep(self.takes_s)
        if self.fails:
            raise self.fails
        return [self.vector for _ in texts]


class Clock:
    """Stands still: set what it shows."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture
def questions(embedder: Embedder) -> Questions:
    return Questions(embedder)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that questions look at."""
    clock = Clock()
    monkeypatch.setattr(questions_module, "time", clock)
    return clock


async def test_a_question_is_asked_once_and_then_known(questions: Questions, embedder: Embedder) -> None:
    assert [await questions.vector("what?") for _ in range(3)] == [(1.0, 0.0)] * 3
    assert embedder.asked == ["what?"]


async def test_the_questions_asked_least_recently_are_forgotten(embedder: Embedder) -> None:
    questions = Questions(embedder, cached_questions=2)
    for question in ("a", "b", "a", "c", "a", "b"):
        await questions.vector(question)

    assert embedder.asked == ["a", "b", "c", "b"]


async def test_a_slow_service_is_not_waited_for(embedder: Embedder) -> None:
    questions = Questions(embedder, limit_s=0.01)
    embedder.takes_s = 10.0

    assert await questions.vector("what?") is None
    assert questions.problem == "the embedding service took longer than 0.01 s for a question"


async def test_after_a_failure_searches_do_not_wait_for_a_while(
    questions: Questions, embedder: Embedder, moment: Clock
) -> None:
    embedder.fails = EmbeddingUnavailable("it is away")
    assert await questions.vector("what?") is None

    embedder.fails = None
    assert await questions.vector("what?") is None
    assert (embedder.asked, questions.problem) == (["what?"], "it is away")

    moment.now += questions_module._PAUSE_S
    assert await questions.vector("what?") == (1.0, 0.0)
    assert questions.problem is None


async def test_what_is_known_is_given_also_while_the_service_is_away(questions: Questions, embedder: Embedder) -> None:
    await questions.vector("known")
    embedder.fails = EmbeddingUnavailable("it is away")
    await questions.vector("unknown")

    assert await questions.vector("known") == (1.0, 0.0)


async def test_a_failure_is_told_for_a_minute_though_nobody_asks_again(
    questions: Questions, embedder: Embedder, moment: Clock
) -> None:
    embedder.fails = EmbeddingUnavailable("it is away")
    await questions.vector("what?")

    moment.now += questions_module._LOG_EVERY_S
    assert questions.problem is None


async def test_a_question_the_service_does_not_take_is_no_failure(questions: Questions, embedder: Embedder) -> None:
    embedder.vector = None

    assert await questions.vector("what?") is None
    assert questions.problem is None


async def test_a_search_that_is_cut_short_cuts_the_question_short(questions: Questions, embedder: Embedder) -> None:
    embedder.takes_s = 10.0
    asking = asyncio.create_task(questions.vector("what?"))
    await asyncio.sleep(0)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert questions.problem is None
