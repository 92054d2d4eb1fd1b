"""The client of rerank services: the three shapes, refusals, failures that pass, and nothing secret in what is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.errors import RerankRefused, RerankUnavailable
from app.reranking import client as client_module
from app.reranking.client import RerankClient
from app.reranking.service import RerankService
from tests.standins import rerank as standins
from tests.standins.rerank import PATHS, StandIn

QUESTION, TEXTS = "red car", ["a blue bicycle", "a red car", "a red bicycle"]


@pytest.fixture
async def other(service: RerankService) -> AsyncIterator[Callable[..., RerankClient]]:
    """Make clients of a service that is somewhat different."""
    made = []

    def make(on_tokens: Callable[[int], None] = lambda tokens: None, **different: Any) -> RerankClient:
        made.append(RerankClient(replace(service, **different), on_tokens))
        return made[-1]

    yield make
    for client in made:
        await client.close()


class TestRelevances:
    @pytest.mark.parametrize("path", PATHS)
    async def test_texts_get_their_relevance_in_every_shape(
        self, other: Callable[..., RerankClient], standin: StandIn, path: str
    ) -> None:
        found = await other(url=standin.url(path)).relevances(QUESTION, TEXTS)

        assert found == {0: 0.0, 1: 1.0, 2: 0.5}
        assert standin.calls[0][0] == path

    async def test_tokens_are_told_as_the_service_counts_them(self, other: Callable[..., RerankClient]) -> None:
        told: list[int] = []
        await other(on_tokens=told.append).relevances(QUESTION, TEXTS)

        assert told == [9]

    async def test_a_service_without_a_key_gets_none(
        self, other: Callable[..., RerankClient], standin: StandIn
    ) -> None:
        with pytest.raises(RerankRefused):
            await other(key=None).relevances(QUESTION, TEXTS)
        assert standin.keys == [""]

    async def test_a_lone_surrogate_is_replaced(self, client: RerankClient, standin: StandIn) -> None:
        await client.relevances("a\ud800b", ["x\0y", "汽车\udfff"])

        assert (standin.calls[0][1]["query"], standin.texts) == ("a?b", ["x\0y", "汽车?"])


class TestRefusals:
    @pytest.mark.parametrize(
        ("failure", "said"),
        [
            (standins.INVALID_KEY, r"127.0.0.1 refuses the key \(401.*\); check RERANK_API_KEY, or DASHSCOPE_API_KEY"),
            (standins.ARREARS, r"refuses the account \(403.*\): it is in arrears or may not use the model"),
            ((402, ""), "refuses the account"),
            (standins.NO_SUCH_MODEL, r"has no model 'qwen3-rerank', or nothing at that address .* RERANK_MODEL and RE"),
            (standins.WRONG_REQUEST, r"does not take the request \(400.*\); check RERANK_MODEL and RERANK_URL"),
            ((422, ""), r"does not take the request \(422\)"),
            (standins.OUT_OF_QUOTA, r"the quota at 127.0.0.1 is used up \(429 insufficient_quota\)"),
        ],
    )
    async def test_what_only_an_operator_can_mend_is_a_refusal_with_its_remedy(
        self, other: Callable[..., RerankClient], standin: StandIn, failure: tuple[int, str], said: str
    ) -> None:
        standin.fail.append(failure)

        with pytest.raises(RerankRefused, match=said):
            await other(url=standin.url(standins.QWEN)).relevances(QUESTION, TEXTS)

    @pytest.mark.parametrize("path", PATHS)
    async def test_neither_key_nor_text_is_in_what_is_said(
        self, other: Callable[..., RerankClient], standin: StandIn, path: str
    ) -> None:
        standin.fail += [standins.INVALID_KEY, standins.WRONG_REQUEST, standins.TOO_FAST, {"red": "car"}]
        client = other(url=standin.url(path))
        for _ in range(4):
            with pytest.raises(RerankUnavailable) as told:
                await client.relevances(QUESTION, TEXTS)
            assert standin.key not in str(told.value)
            assert "car" not in str(told.value)

    async def test_a_key_that_is_the_code_of_an_error_is_not_shown(
        self, other: Callable[..., RerankClient], standin: StandIn
    ) -> None:
        standin.fail.append((401, "SecretKey"))
        client = other(url=standin.url(standins.QWEN), key="SecretKey")

        with pytest.raises(RerankRefused) as told:
            await client.relevances(QUESTION, TEXTS)
        assert "SecretKey" not in str(told.value)

    async def test_a_key_no_header_can_hold_is_refused_without_a_call(
        self, other: Callable[..., RerankClient], standin: StandIn
    ) -> None:
        with pytest.raises(RerankRefused, match="characters that no key has"):
            await other(key="schlüssel").relevances(QUESTION, TEXTS)
        assert standin.calls == []

    async def test_a_redirect_is_not_followed(self, client: RerankClient, standin: StandIn) -> None:
        standin.fail.append((307, ""))
        standin.headers = {"Location": standin.url(standins.COHERE)}

        with pytest.raises(RerankRefused, match=r"redirects \(307\); set RERANK_URL to the address it redirects to"):
            await client.relevances(QUESTION, TEXTS)
        assert len(standin.calls) == 1


class TestFailures:
    @pytest.mark.parametrize("failure", [standins.TOO_FAST, standins.BROKEN, (503, ""), (408, "")])
    async def test_what_passes_is_no_refusal_and_is_not_tried_again(
        self, client: RerankClient, standin: StandIn, failure: tuple[int, str]
    ) -> None:
        standin.fail.append(failure)
        standin.headers = {"Retry-After": "7"}

        with pytest.raises(RerankUnavailable, match="is busy or failing") as told:
            await client.relevances(QUESTION, TEXTS)
        assert not isinstance(told.value, RerankRefused)
        assert (told.value.retry_after_s, len(standin.calls)) == (7.0, 1)

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"<html>", id="a page"),
            pytest.param(b"[" * 100_000, id="nested too deep"),
            pytest.param(b'{"results": [{"index": 0, "relevance_score": ' + b"9" * 10_000 + b"}]}", id="a long number"),
            pytest.param(b"\xff\xfe", id="no text"),
            pytest.param({"results": []}, id="no result"),
            pytest.param({"results": [{"index": 3, "relevance_score": 1.0}]}, id="no text of ours"),
        ],
    )
    async def test_an_answer_without_relevances_is_a_failure(
        self, client: RerankClient, standin: StandIn, answer: Any
    ) -> None:
        standin.fail.append(answer)

        with pytest.raises(RerankUnavailable, match="answered without the relevance of texts; check RERANK_URL"):
            await client.relevances(QUESTION, TEXTS)

    async def test_an_answer_without_end_is_given_up(
        self, client: RerankClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_module, "ANSWER_LIMIT_BYTES", 2**20)
        standin.fail.append(b" " * (2**20 + 1))

        with pytest.raises(RerankUnavailable, match="answers with more than 1 MB"):
            await client.relevances(QUESTION, TEXTS)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1/rerank", "http://a..b/v1/rerank"])
    async def test_a_service_that_is_not_there_is_one_line(self, other: Callable[..., RerankClient], url: str) -> None:
        with pytest.raises(RerankUnavailable, match=r"does not answer \(\w+\)$"):
            await other(url=url).relevances(QUESTION, TEXTS)

    async def test_a_call_that_is_cancelled_ends_and_the_next_one_works(
        self, client: RerankClient, standin: StandIn
    ) -> None:
        standin.fail.append(5.0)
        asking = asyncio.create_task(client.relevances(QUESTION, TEXTS))
        assert await asyncio.to_thread(standin.asked.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert len(await client.relevances(QUESTION, TEXTS)) == 3
