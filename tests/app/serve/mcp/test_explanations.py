"""Explanations as a reply tells them: rounded, and long ones summed up."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.memory.explained import AskedWord, CountedNeighbour, HitExplained, MatchedWord, QuestionExplained
from app.serve.mcp import explanations

PARTS = {name: number + 1 / 3 for number, name in enumerate(explanations.Parts.__annotations__)}
HIT = HitExplained(
    parts=PARTS,
    word_score=2.0,
    words=(MatchedWord("fig", 1 / 32, 1 / 512, in_memory=False),),
    neighbours=(CountedNeighbour(UUID(int=1), -2, 0.4, 1.0, False, ("fig",)),),
    written=None,
    cosine=None,
    similarity=None,
    changed=False,
)
QUESTION = QuestionExplained(
    compared="index",
    words=(AskedWord("Ann", 0.5, 3, in_a_name=True), AskedWord("fig", 0.25, 4, in_a_name=False)),
    memories=9,
    asks_when=True,
    date="7 May",
    speakers=("Ann",),
    vectors=False,
    divisor=1 / 3,
)


def test_a_question_is_told_whole() -> None:
    assert explanations.of_question(QUESTION) == {
        "compared": "index",
        "words": [
            {"word": "Ann", "weight": 0.5, "memories": 3, "in_a_name": True},
            {"word": "fig", "weight": 0.25, "memories": 4},
        ],
        "memories": 9,
        "asks_when": True,
        "date": "7 May",
        "speakers": ["Ann"],
        "vectors": False,
        "divisor": 0.3333,
    }


def test_a_score_is_told_whole_with_what_it_has() -> None:
    assert explanations.of_hit(HIT) == {
        "parts": {
            "words": 0.333333,
            "vector": 1.333333,
            "speaker": 2.333333,
            "first_person": 3.333333,
            "asks": 4.333333,
            "assistant": 5.333333,
            "when": 6.333333,
            "date": 7.333333,
            "number": 8.333333,
        },
        "word_score": 2.0,
        "words": [{"word": "fig", "weight": 0.0312, "stored": 0.002, "product": 0.0001, "in_memory": False}],
        "neighbours": [
            {
                "id": str(UUID(int=1)),
                "distance": -2,
                "near": 0.4,
                "around": 1.0,
                "asked": False,
                "words": ["fig"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"written": "as written"}, {"written": "as written"}),
        ({"cosine": 0.12345, "similarity": 0.98765}, {"cosine": 0.1235, "similarity": 0.9877}),
        ({"cosine": None, "similarity": 0.5}, {"cosine": None, "similarity": 0.5}),
        ({"changed": True}, {"changed": True}),
        ({"reranked_from": 3}, {"reranked_from": 3}),
    ],
)
def test_what_only_some_scores_have_is_told_of_those(changes: dict[str, object], told: dict[str, object]) -> None:
    explanation = explanations.of_hit(replace(HIT, **changes))  # type: ignore[arg-type]

    assert {name: value for name, value in explanation.items() if name not in explanations.of_hit(HIT)} == told


def test_of_many_words_the_first_are_told_and_the_rest_counted() -> None:
    many = tuple(MatchedWord(str(number), 1.0, 0.5, in_memory=True) for number in range(40))
    neighbour = replace(HIT.neighbours[0], words=tuple(word.word for word in many))

    hit = explanations.of_hit(replace(HIT, words=many, neighbours=(neighbour,)))
    asked = tuple(AskedWord(word.word, 1.0, 1, in_a_name=False) for word in many)
    question = explanations.of_question(replace(QUESTION, words=asked))

    assert (len(hit["words"]), hit["more_words"]) == (12, {"words": 28, "product": 14.0})
    assert (len(hit["neighbours"][0]["words"]), hit["neighbours"][0]["more_words"]) == (12, 28)
    assert (len(question["words"]), question["more_words"]) == (30, 10)
