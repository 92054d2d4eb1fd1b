"""Ordering the best results again: what is sent, what becomes of the order and the scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from app.memory import requests, reranking
from app.memory.budget import tokens
from app.memory.ports import Domain
from app.memory.recall import recall
from app.memory.requests import checked
from app.memory.reranking import QUESTION_TOKENS, RERANKED, TEXT_TOKENS
from app.memory.types import Scope
from tests.support.domain import converse, erase, look_for, memorize, texts_for

FRUIT = ["apple one", "apple two apple", "apple three apple apple"]


class Reranker:
    """Answers what a test says, by the texts it is given; None: not in time."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.says: Callable[[Sequence[str]], dict[int, float] | None] = lambda texts: None

    async def relevances(self, question: str, texts: Sequence[str]) -> dict[int, float] | None:
        self.asked.append((question, list(texts)))
        return self.says(texts)


@pytest.fixture
def reranker() -> Reranker:
    return Reranker()


@pytest.fixture
def reordering(domain: Domain, reranker: Reranker) -> Domain:
    """The domain with a reranker."""
    return replace(domain, reranker=reranker)


def by(first: str) -> Callable[[Sequence[str]], dict[int, float]]:
    """Say that texts are the more relevant the more often they hold a word."""
    return lambda texts: {place: float(text.count(first)) for place, text in enumerate(texts)}


async def test_the_order_is_that_of_relevance_and_scores_fall_with_it(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    for text in ("apple pie", "apple pie with pears", "apple"):
        await memorize(domain, alice, text)
    before = await look_for(domain, alice, "apple pie")
    reranker.says = by("pears")

    found = await look_for(reordering, alice, "apple pie")
    assert found.results[0].memory.text == "apple pie with pears"
    assert [one.score for one in found.results] == [one.score for one in before.results]
    assert not found.degraded
    assert (found.truncated, len(found.results)) == (before.truncated, 3)


async def test_with_equal_relevance_the_order_stays(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    await converse(domain, alice, FRUIT)
    reranker.says = by("nothing of it")

    assert await texts_for(reordering, alice, "apple") == await texts_for(domain, alice, "apple")


async def test_what_is_not_there_in_time_changes_nothing(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    await converse(domain, alice, FRUIT)

    assert await look_for(reordering, alice, "apple") == await look_for(domain, alice, "apple")
    assert len(reranker.asked) == 1


async def test_those_of_which_nothing_is_told_follow_in_their_order(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    await converse(domain, alice, FRUIT)
    first, second, third = await texts_for(domain, alice, "apple")
    reranker.says = lambda texts: {2: -5.0}

    assert await texts_for(reordering, alice, "apple") == [third, first, second]


async def test_the_best_fifty_are_ordered_and_the_rest_follows(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    await converse(domain, alice, [f"apple {number}" for number in range(RERANKED + 10)])
    before = await texts_for(domain, alice, "apple", limit=RERANKED + 10)
    reranker.says = lambda texts: {place: float(place) for place in range(len(texts))}

    after = await texts_for(reordering, alice, "apple", limit=RERANKED + 10)
    assert after == before[:RERANKED][::-1] + before[RERANKED:]
    assert len(reranker.asked[0][1]) == RERANKED


async def test_a_limit_below_fifty_gets_the_best_of_all_fifty(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    await converse(domain, alice, [*(f"apple {number}" for number in range(20)), "apple pear"])
    reranker.says = by("pear")

    found = await look_for(reordering, alice, "apple", limit=1)
    assert ([one.memory.text for one in found.results], found.truncated) == (["apple pear"], True)


@pytest.mark.parametrize("said", [[], ["apple"]])
async def test_nobody_is_asked_about_fewer_than_two(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope, said: list[str]
) -> None:
    for text in said:
        await memorize(domain, alice, text)

    assert await texts_for(reordering, alice, "apple") == said
    assert reranker.asked == []


async def test_only_the_askers_memories_that_pass_the_filter_are_sent(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope, bob: Scope
) -> None:
    for text in ("apple one", "apple two"):
        await memorize(domain, alice, text, project="here")
    await memorize(domain, alice, "apple elsewhere", project="there")
    await memorize(domain, bob, "apple of bob")

    await look_for(reordering, alice, "apple", project="here")
    assert sorted(text.partition("] ")[2] for text in reranker.asked[0][1]) == ["apple one", "apple two"]


async def test_what_is_deleted_meanwhile_is_not_found(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    ids = [await memorize(domain, alice, text) for text in FRUIT]
    await look_for(domain, alice, "apple")
    await erase(domain, alice, ids=[str(ids[1])])
    reranker.says = by("apple")

    assert sorted(await texts_for(reordering, alice, "apple")) == [FRUIT[0], FRUIT[2]]


async def test_a_text_is_sent_with_its_day_and_its_speaker(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    said = {"role": "user", "name": "Ann", "content": "An apple.", "time": "2026-05-08T12:00:00Z"}
    await converse(domain, alice, [said, {"role": "assistant", "content": "Apple!", "time": "2026-05-09T12:00:00Z"}])

    await look_for(reordering, alice, "an apple?")
    [(question, texts)] = reranker.asked
    assert question == "an apple?"
    assert sorted(texts) == ["[2026-05-08] Ann: An apple.", "[2026-05-09] assistant: Apple!"]


@pytest.mark.parametrize("word", ["filler ", "填充"])
async def test_of_a_long_text_the_beginning_and_the_part_that_answers_are_sent(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope, word: str
) -> None:
    long = f"It begins here. {word * 700}\nThe apple is at the end."
    for text in (long, "apple"):
        await memorize(domain, alice, text)

    await look_for(reordering, alice, "apple " * 600)
    [(question, texts)] = reranker.asked
    [sent] = [text for text in texts if "begins" in text]
    assert sent.partition("] ")[2].startswith("It begins here.")
    assert sent.endswith("The apple is at the end.")
    assert tokens(sent) <= TEXT_TOKENS
    assert tokens(question) <= QUESTION_TOKENS


def test_a_request_is_within_what_the_smallest_service_takes() -> None:
    assert reranking.RERANKED * (TEXT_TOKENS + QUESTION_TOKENS) <= 30_000, "gte-rerank-v2, with the question each time"


async def test_a_context_has_the_better_order_too(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    for number in range(12):
        await memorize(domain, alice, f"apple {number}")
    await memorize(domain, alice, "apple and the pear that is asked for")
    reranker.says = by("pear")
    request = checked(requests.Recall, {"query": "apple", "mode": "conservative"})

    assert "pear" in (await recall(reordering, alice, request)).context


async def test_results_of_a_question_of_stop_words_are_ordered_too(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    for text in ("The Who one", "The Who two"):
        await memorize(domain, alice, text)
    reranker.says = by("one")
    assert (await texts_for(reordering, alice, "the who"))[0] == "The Who one"
    reranker.says = by("two")
    assert (await texts_for(reordering, alice, "the who"))[0] == "The Who two"


async def test_an_explanation_tells_which_place_the_parts_gave(
    domain: Domain, reordering: Domain, reranker: Reranker, alice: Scope
) -> None:
    for text in ("apple pie", "apple pie with pears", "apple"):
        await memorize(domain, alice, text)
    before = await look_for(domain, alice, "apple pie")
    places = {one.memory.id: place for place, one in enumerate(before.results, 1)}
    reranker.says = by("pears")

    found = await look_for(reordering, alice, "apple pie", explain=True)
    assert found.explanation is not None
    told = {id_: hit.reranked_from for id_, hit in found.explanation.hits.items()}
    assert told == {
        one.memory.id: None if places[one.memory.id] == place else places[one.memory.id]
        for place, one in enumerate(found.results, 1)
    }
    assert any(told.values())
