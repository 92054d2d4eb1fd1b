"""The client of embedding services: batches, refusals, failures that pass and those that do not."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.embedding.client import BACKOFF, TEXT_LIMIT_CHARACTERS, EmbeddingClient
from app.embedding.service import EmbeddingService
from app.errors import EmbeddingRefused, EmbeddingUnavailable
from tests.standins import embeddings as standins
from tests.standins.embeddings import StandIn
from tests.support.vectors import bag_of_words


@pytest.fixture
async def other(service: EmbeddingService) -> AsyncIterator[Callable[..., EmbeddingClient]]:
    """Make clients of a service that is somewhat different."""
    made = []

    def make(
        tries: int = 1, on_tokens: Callable[[int], None] = lambda tokens: None, **different: Any
    ) -> EmbeddingClient:
        made.append(EmbeddingClient(replace(service, **different), tries, on_tokens))
        return made[-1]

    yield make
    for client in made:
        await client.close()


class TestVectors:
    async def test_each_text_gets_its_unit_vector_in_order(self, client: EmbeddingClient) -> None:
        vectors = await client.embed(["apple", "pear", "plum"], "passage")

        assert vectors == [pytest.approx(bag_of_words(text)) for text in ("apple", "pear", "plum")]
        assert [math.hypot(*(vector or ())) for vector in vectors] == [pytest.approx(1)] * 3

    async def test_no_texts_are_no_call(self, client: EmbeddingClient, standin: StandIn) -> None:
        assert await client.embed([], "passage") == []
        assert standin.calls == []

    async def test_what_is_sent_is_what_the_services_document(self, client: EmbeddingClient, standin: StandIn) -> None:
        await client.embed(["apple"], "query")

        assert standin.calls == [{"model": "text-embedding-v4", "input": ["apple"], "encoding_format": "float"}]

    async def test_a_chosen_size_is_asked_for(self, other: Callable[..., EmbeddingClient], standin: StandIn) -> None:
        [vector] = await other(dimensions=32).embed(["apple"], "query")

        assert vector is not None
        assert (len(vector), standin.calls[0]["dimensions"]) == (32, 32)

    async def test_prefixes_tell_questions_from_memories(
        self, other: Callable[..., EmbeddingClient], standin: StandIn
    ) -> None:
        client = other(query_prefix="query: ", passage_prefix="passage: ")
        await client.embed(["apple"], "query")
        await client.embed(["apple"], "passage")

        assert standin.texts == ["query: apple", "passage: apple"]

    async def test_tokens_are_told_as_the_service_counts_them(
        self, other: Callable[..., EmbeddingClient], standin: StandIn
    ) -> None:
        told: list[int] = []
        await other(on_tokens=told.append).embed(["one two three", "four"], "passage")

        assert told == [4]

    async def test_many_texts_go_in_calls_the_service_takes(self, client: EmbeddingClient, standin: StandIn) -> None:
        texts = [f"text {number}" for number in range(25)]

        vectors = await client.embed(texts, "passage")

        assert sorted(len(call["input"]) for call in standin.calls) == [5, 10, 10]
        assert vectors == [pytest.approx(bag_of_words(text)) for text in texts]

    async def test_long_texts_go_in_smaller_calls(self, client: EmbeddingClient, standin: StandIn) -> None:
        await client.embed(["x" * 8_000] * 10, "passage")

        assert sorted(len(call["input"]) for call in standin.calls) == [2, 4, 4]

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            pytest.param("x" * 20_000, "x" * TEXT_LIMIT_CHARACTERS, id="too long"),
            pytest.param("a\0b", "a b", id="NUL"),
            pytest.param("a\ud800b", "a?b", id="lone surrogate"),
        ],
    )
    async def test_a_text_is_made_fit_to_be_sent(
        self, client: EmbeddingClient, standin: StandIn, text: str, sent: str
    ) -> None:
        await client.embed([text], "passage")

        assert standin.texts == [sent]


class TestRefusedTexts:
    @pytest.mark.parametrize("bad", [0, 4, 9])
    async def test_one_refused_text_costs_the_others_nothing(self, client: EmbeddingClient, bad: int) -> None:
        texts = [f"text {number}" for number in range(10)]
        texts[bad] = "REFUSED"

        vectors = await client.embed(texts, "passage")

        assert [at for at, vector in enumerate(vectors) if vector is None] == [bad]

    async def test_a_batch_too_large_for_the_service_is_divided(
        self, client: EmbeddingClient, standin: StandIn
    ) -> None:
        standin.most_texts = 3

        assert None not in await client.embed([f"text {number}" for number in range(10)], "passage")
        assert max(len(call["input"]) for call in standin.calls[2:]) == 5

    async def test_a_text_too_long_for_the_model_is_shortened_until_it_fits(
        self, client: EmbeddingClient, standin: StandIn
    ) -> None:
        standin.longest = 2_500

        [vector] = await client.embed(["x" * 8_000], "passage")

        assert vector is not None
        assert [len(text) for text in standin.texts if text != "hello"] == [8_000, 4_000, 2_000]

    async def test_a_service_that_refuses_every_text_is_not_asked_text_by_text(
        self, client: EmbeddingClient, standin: StandIn
    ) -> None:
        standin.longest = 0

        with pytest.raises(EmbeddingRefused, match=r"rejects every text \(400 InvalidParameter\); check EMBEDDING_"):
            await client.embed(["a", "b"], "passage")
        assert len(standin.calls) == 2


class TestFailures:
    @pytest.mark.parametrize("failure", [standins.TOO_FAST, standins.BROKEN, (503, ""), (408, "")])
    async def test_what_passes_is_tried_again(
        self, client: EmbeddingClient, standin: StandIn, failure: tuple[Any, ...]
    ) -> None:
        standin.fail += [failure, failure]

        assert await client.embed(["apple"], "query") == [pytest.approx(bag_of_words("apple"))]
        assert len(standin.calls) == 3

    async def test_after_as_many_tries_as_are_set_it_is_told(self, client: EmbeddingClient, standin: StandIn) -> None:
        standin.fail += [standins.BROKEN] * 3

        with pytest.raises(EmbeddingUnavailable, match=r"127\.0\.0\.1 is busy or failing \(500 InternalError\)"):
            await client.embed(["apple"], "query")
        assert len(standin.calls) == 3

    @pytest.mark.parametrize(
        ("failure", "told"),
        [
            pytest.param(standins.INVALID_KEY, "set EMBEDDING_API_KEY, or DASHSCOPE_API_KEY", id="key"),
            pytest.param(standins.ARREARS, r"arrears .* see its console", id="arrears"),
            pytest.param(standins.NO_SUCH_MODEL, "check EMBEDDING_MODEL", id="model"),
            pytest.param(standins.OUT_OF_QUOTA, "quota .* is used up", id="quota"),
            pytest.param((301, ""), "answered 301 .*; check EMBEDDING_BASE_URL", id="moved"),
            pytest.param((405, ""), "answered 405", id="no such method"),
        ],
    )
    async def test_what_does_not_pass_is_told_at_once_with_what_to_do_and_without_the_key(
        self, client: EmbeddingClient, standin: StandIn, failure: tuple[Any, ...], told: str
    ) -> None:
        standin.fail.append(failure)

        with pytest.raises(EmbeddingRefused, match=told) as refused:
            await client.embed(["secret text"], "query")
        assert len(standin.calls) == 1
        assert standin.key not in str(refused.value)
        assert "secret text" not in str(refused.value)

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param({}, id="nothing"),
            pytest.param([], id="a list"),
            pytest.param({"data": []}, id="no vector"),
            pytest.param({"data": [{"index": 0, "embedding": [1.0]}]}, id="one of two"),
            pytest.param({"data": [{"index": 0, "embedding": [1.0]}] * 2}, id="the same twice"),
            pytest.param(
                {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}, id="two sizes"
            ),
            pytest.param({"data": [{"index": at, "embedding": ["x"]} for at in (0, 1)]}, id="no numbers"),
            pytest.param({"data": [{"index": at, "embedding": [math.nan]} for at in (0, 1)]}, id="not a number"),
            pytest.param({"data": [{"index": at, "embedding": "AACAPw=="} for at in (0, 1)]}, id="base64"),
        ],
    )
    async def test_an_answer_that_is_not_a_vector_for_each_text_is_none(
        self, other: Callable[..., EmbeddingClient], standin: StandIn, answer: Any
    ) -> None:
        standin.fail.append(answer)

        with pytest.raises(EmbeddingUnavailable, match="answered without a vector for each text"):
            await other().embed(["a", "b"], "passage")

    async def test_a_vector_without_direction_is_no_vector(self, client: EmbeddingClient, standin: StandIn) -> None:
        standin.fail.append({"data": [{"index": 0, "embedding": [0.0, 0.0]}]})

        assert await client.embed(["a"], "passage") == [None]

    async def test_a_service_that_is_late_is_given_up(self, service: EmbeddingService, standin: StandIn) -> None:
        standin.fail.append(1.0)
        client = EmbeddingClient(service, tries=1, answer_timeout_s=0.05)

        with pytest.raises(EmbeddingUnavailable, match="did not answer in time"):
            await client.embed(["a"], "passage")
        await client.close()

    async def test_a_service_that_is_not_there_is_told(self, other: Callable[..., EmbeddingClient]) -> None:
        with pytest.raises(EmbeddingUnavailable, match=r"127\.0\.0\.1 does not answer \(ConnectError\)"):
            await other(url="http://127.0.0.1:9/v1").embed(["a"], "passage")

    async def test_no_tries_at_all_are_one(self, other: Callable[..., EmbeddingClient], standin: StandIn) -> None:
        assert await other(tries=0).embed(["apple"], "query")


class TestRetryAfter:
    async def test_a_service_that_wants_a_moment_gets_it(self, client: EmbeddingClient, standin: StandIn) -> None:
        standin.fail.append(standins.TOO_FAST)
        standin.retry_after = "0.01"

        assert await client.embed(["apple"], "query")
        assert len(standin.calls) == 2

    async def test_one_that_wants_long_is_left_alone_and_it_is_told_for_how_long(
        self, client: EmbeddingClient, standin: StandIn
    ) -> None:
        standin.fail.append(standins.TOO_FAST)
        standin.retry_after = "120"

        with pytest.raises(EmbeddingUnavailable) as told:
            await client.embed(["apple"], "query")
        assert (len(standin.calls), told.value.retry_after_s) == (1, 120)


async def test_it_waits_longer_after_each_failure_and_not_after_the_last(
    service: EmbeddingService, standin: StandIn
) -> None:
    waited: list[float] = []

    async def sleep(wait_s: float) -> None:
        waited.append(wait_s)

    standin.fail += [standins.BROKEN] * 4
    client = EmbeddingClient(service, tries=4, backoff=replace(BACKOFF, sleep=sleep, chance=lambda: 0.0))
    with pytest.raises(EmbeddingUnavailable):
        await client.embed(["apple"], "query")
    await client.close()

    assert (waited, len(standin.calls)) == ([0.5, 1.0, 2.0], 4)
