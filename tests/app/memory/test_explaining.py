"""An explanation tells what a score was really made of: its words add up to what the index returned."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from math import fsum
from typing import Any, NoReturn
from uuid import UUID

import pytest

from app.errors import IndexUnavailable
from app.memory.explained import Explanation, HitExplained
from app.memory.ports import Domain
from app.memory.ranking import Compared
from app.memory.types import Memory, Nearby, Scope, SearchResult
from app.store.postgres import PostgresStore
from tests.support.domain import change, converse, erase, look_for, memorize

TALK = [
    {"role": "user", "name": name, "content": text, "time": "2026-05-07T12:00:00Z"}
    for name, text in (
        ("Ann", "Where did you stay in Lisbon?"),
        ("Ben", "A small hotel near the river."),
        ("Ann", "Lovely."),
        ("Ben", "Lisbon has trams, and we took one."),
    )
]
WORDS = ["apple", "pear", "plum", "quince", "cherry", "fig", "medlar", "sloe"]


async def explain(domain: Domain, scope: Scope, query: str, **more: Any) -> tuple[Explanation, list[Memory]]:
    """Search; return the explanation, and the memories found."""
    found = await look_for(domain, scope, query, explain=True, **more)
    assert found.explanation is not None
    return found.explanation, [hit.memory for hit in found.results]


async def first(domain: Domain, scope: Scope, query: str, **more: Any) -> HitExplained:
    """Return the explanation of the best memory."""
    explanation, memories = await explain(domain, scope, query, **more)
    return explanation.hits[memories[0].id]


def assert_adds_up(found: SearchResult) -> None:
    assert found.explanation is not None
    question = found.explanation.question
    for one in found.results:
        hit = found.explanation.hits[one.memory.id]
        assert not hit.changed
        assert fsum(word.product for word in hit.words) == hit.word_score, "exactly, as weights are whole steps"
        assert max(0.0, round(sum(hit.parts.values()), 6)) == one.score
        assert hit.parts["words"] == pytest.approx(0.75 * hit.word_score / question.divisor)


@pytest.mark.parametrize("seed", range(3))
async def test_words_add_up_to_the_words_score_and_parts_to_the_score(domain: Domain, alice: Scope, seed: int) -> None:
    choose = random.Random(seed)
    for number in range(4):
        said = [
            {
                "role": choose.choice(["user", "assistant"]),
                "name": choose.choice(["Ann", "Ben"]),
                "content": " ".join(choose.choices(WORDS, k=choose.choice([1, 5, 40, 310]))) + choose.choice(".?"),
            }
            for _ in range(12)
        ]
        await converse(domain, alice, said, conversation_id=str(number))
        await memorize(domain, alice, " ".join(choose.choices(WORDS, k=4)) + f" {number}")
    turns = [hit.memory for hit in (await look_for(domain, alice, "fig", limit=100)).results if hit.memory.role]
    await change(domain, alice, turns[0].id, archived=True)
    await erase(domain, alice, ids=[str(turns[1].id)])

    for query in ("apple pear", "When did Ann say quince in May?", "sloe", "medlar Medlars 2026 fig?"):
        found = await look_for(domain, alice, query, explain=True, limit=100)
        assert len(found.results) > 20
        assert_adds_up(found)


async def test_a_question_is_told_by_its_words_and_cues(domain: Domain, alice: Scope) -> None:
    await converse(domain, alice, TALK)

    question = (await explain(domain, alice, "When did Ben take trams in May?"))[0].question

    assert (question.compared, question.memories, question.vectors) == (Compared.INDEX, 4, False)
    assert (question.asks_when, question.date, question.speakers) == (True, "May", ("Ben",))
    assert {word.word: (word.memories, word.in_a_name) for word in question.words} == {
        "Ben": (0, True), "take": (0, False), "trams": (1, False), "May": (0, False)
    }  # fmt: skip
    weights = {word.word: word.weight for word in question.words}
    assert weights["take"] == weights["May"] == 2 * weights["Ben"] > weights["trams"]


async def test_a_word_of_a_neighbour_alone_is_told_with_the_neighbour(domain: Domain, alice: Scope) -> None:
    await converse(domain, alice, TALK)

    explanation, memories = await explain(domain, alice, "stay hotel trams")
    ids = {memory.text: memory.id for memory in memories}
    hit = explanation.hits[ids["A small hotel near the river."]]

    assert {word.word: word.in_memory for word in hit.words} == {"stay": False, "hotel": True, "trams": False}
    assert [(one.id, one.distance, one.near, one.around, one.asked, one.words) for one in hit.neighbours] == [
        (ids[TALK[0]["content"]], -1, 0.7, 1.0, True, ("stay",)),
        (ids[TALK[3]["content"]], 2, 0.2, 1.0, False, ("trams",)),
    ]


async def test_a_very_long_neighbour_counts_only_as_the_question_before(domain: Domain, alice: Scope) -> None:
    long = "filler " * 320
    await converse(domain, alice, [f"quince {long}", f"quince {long}?", "Only if they are ripe."])

    explanation, memories = await explain(domain, alice, "quince ripe")
    hit = next(explanation.hits[memory.id] for memory in memories if memory.text.startswith("Only"))

    assert [(one.distance, one.near, one.around, one.asked) for one in hit.neighbours] == [(-1, 0.0, 0.0, True)]
    assert not hit.changed


@pytest.mark.parametrize(
    ("query", "written"),
    [("Who are they", "as written"), ("WHO are they", "in another case"), ("they who", "word by word")],
)
async def test_a_question_of_stop_words_is_told_by_how_the_text_has_it(
    domain: Domain, alice: Scope, query: str, written: str
) -> None:
    await memorize(domain, alice, "Us? Who are they?")

    explanation, [memory] = await explain(domain, alice, query)
    hit = explanation.hits[memory.id]

    assert explanation.question.compared is Compared.TEXT
    assert (hit.written, hit.words, hit.neighbours, hit.changed) == (written, (), (), False)
    assert hit.parts["words"] == 0.75


async def test_archived_memories_are_explained_by_their_own_words(domain: Domain, alice: Scope) -> None:
    await converse(domain, alice, TALK)
    [hotel] = (await look_for(domain, alice, "hotel", limit=1)).results
    await change(domain, alice, hotel.memory.id, archived=True)

    found = await look_for(domain, alice, "hotel stay", archived=True, explain=True)

    assert_adds_up(found)
    assert found.explanation is not None
    assert found.explanation.question.compared is Compared.OWN_WORDS
    hit = found.explanation.hits[hotel.memory.id]
    assert ([word.word for word in hit.words], hit.neighbours) == (["hotel"], ())


async def test_without_the_index_each_is_explained_by_its_own_words(
    domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await converse(domain, alice, TALK)

    async def away(user: str) -> NoReturn:
        raise IndexUnavailable("away")

    monkeypatch.setattr(domain.index, "view", away)
    found = await look_for(domain, alice, "hotel Lisbon", explain=True)

    assert found.degraded
    assert_adds_up(found)
    assert found.explanation is not None
    assert found.explanation.question.compared is Compared.OWN_WORDS
    assert not any(hit.neighbours for hit in found.explanation.hits.values())


async def test_an_explanation_says_when_a_memory_was_changed_meanwhile(
    domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await memorize(domain, alice, "apple")
    real = PostgresStore.terms_around

    async def late(self: PostgresStore, scope: Scope, ids: Sequence[UUID], *given: Any) -> dict[UUID, list[Nearby]]:
        await change(domain, alice, id_, text="apple apple pie")
        return await real(self, scope, ids, *given)

    monkeypatch.setattr(PostgresStore, "terms_around", late)

    assert (await first(domain, alice, "apple")).changed


async def test_an_explanation_says_when_a_memory_was_deleted_meanwhile(
    domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await memorize(domain, alice, "apple")

    async def gone(*given: Any) -> dict[UUID, list[Nearby]]:
        return {}

    monkeypatch.setattr(PostgresStore, "terms_around", gone)
    hit = await first(domain, alice, "apple")

    assert (hit.words, hit.neighbours, hit.changed) == ((), (), True)


async def test_nothing_found_leaves_the_question_explained(domain: Domain, alice: Scope) -> None:
    explanation, memories = await explain(domain, alice, "quince")

    assert memories == []
    assert explanation.hits == {}
    assert [word.word for word in explanation.question.words] == ["quince"]


async def test_a_search_without_it_reads_nothing_more(
    domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await memorize(domain, alice, "apple")

    async def never(*given: Any) -> NoReturn:
        raise AssertionError("only an explanation reads this")

    monkeypatch.setattr(PostgresStore, "terms_around", never)

    assert (await look_for(domain, alice, "apple")).explanation is None


async def test_a_long_question_is_explained_whole(domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "硬舉 " + "apple " * 50)

    explanation, [memory] = await explain(domain, alice, "硬舉的重量" * 700 + " apple")

    assert {"硬舉", "apple"} <= {word.word for word in explanation.hits[memory.id].words}


class TestVectors:
    """A model of two directions: what is about fruit, and the rest."""

    @pytest.fixture
    def with_vectors(self, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> Domain:
        class Questions:
            async def vector(self, question: str) -> tuple[float, ...]:
                return (1.0, 0.0)

        real = domain.index

        class View:
            def __init__(self, view: Any) -> None:
                self.corpus = view.corpus
                self._view = view

            async def candidates(self, query: Any) -> list[Any]:
                found = await self._view.candidates(query)
                return [one._replace(dense_score=[0.9, 0.4, None][rank]) for rank, one in enumerate(found)]

        class Index:
            async def view(self, user: str) -> View:
                return View(await real.view(user))

        return replace(domain, index=Index(), questions=Questions())

    async def test_the_cosine_and_its_scaled_share_are_told(self, with_vectors: Domain, alice: Scope) -> None:
        for text in ("apple pie", "apple pie and pear", "apple pie and pear and plum"):
            await memorize(with_vectors, alice, text)

        explanation, memories = await explain(with_vectors, alice, "apple pie")
        hits = [explanation.hits[memory.id] for memory in memories]

        assert explanation.question.vectors
        assert sorted((hit.cosine or 0.0, hit.similarity or 0.0) for hit in hits) == [
            (0.0, 0.5), (0.4, 0.0), (0.9, 1.0)
        ]  # fmt: skip
        assert all(hit.parts["vector"] == pytest.approx(0.5 * (hit.similarity or 0.0)) for hit in hits)
        weights = sum(word.weight for word in explanation.question.words)
        assert explanation.question.divisor == pytest.approx(2.2 * weights)
        assert not any(hit.changed for hit in hits)
