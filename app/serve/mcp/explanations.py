"""Defines how search_memory explains its scores: the types, and how explanations become parts of a reply."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    NotRequired,  # pydantic needs these before Python 3.12
)

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.memory.explained import CountedNeighbour, HitExplained, MatchedWord, QuestionExplained

_QUESTION_WORDS = 30  # the heaviest; a Chinese question of a line has as many
_WORDS = 12  # of a result, and of a neighbour; the others are told together
_WEIGHT_PLACES = 4
_PART_PLACES = 6  # as a score is rounded, so that the parts add up to it


class AskedWord(TypedDict):
    """A word of the question. weight: its rarity, halved for a word of a speaker's name. memories: how many have it."""

    word: str
    weight: float
    memories: int
    in_a_name: NotRequired[bool]


class QuestionExplanation(TypedDict):
    """How the question was taken. more_words: how many are not shown. memories: the number searched.

    compared: the words with the index, with each memory's own words, or with the text as it is written.
    divisor: what the words' scores are divided by.
    """

    compared: str
    words: list[AskedWord]
    more_words: NotRequired[int]
    memories: int
    asks_when: bool
    date: str | None
    speakers: list[str]
    vectors: bool
    divisor: float


class Parts(TypedDict):
    """The parts of a score, which add up to it; to 0 where they are below that."""

    words: float
    vector: float
    speaker: float
    first_person: float
    asks: float
    assistant: float
    when: float
    date: float
    number: float


class Word(TypedDict):
    """A word that matched. product: of its weight in the question and the stored one. in_memory: false: neighbours'."""

    word: str
    weight: float
    stored: float
    product: float
    in_memory: bool


class MoreWords(TypedDict):
    """The words that are not shown one by one."""

    words: int
    product: float


class Neighbour(TypedDict):
    """A neighbour that brought words. distance: in messages, below 0 before the memory. near, around: its weights.

    asked: it counts as the question before, too.
    """

    id: str
    distance: int
    near: float
    around: float
    asked: bool
    words: list[str]
    more_words: NotRequired[int]


class Explanation(TypedDict):
    """What a score is made of. word_score: the sum of the products.

    written: how the text has a question of stop words. cosine: of the vectors; similarity: scaled to 0..1.
    changed: the memory was written to meanwhile, so the words are not those of the score. reranked_from: the place that
    the parts give it, where a rerank model chose another; the score is that of its new place.
    """

    parts: Parts
    word_score: float
    words: list[Word]
    more_words: NotRequired[MoreWords]
    neighbours: list[Neighbour]
    written: NotRequired[str]
    cosine: NotRequired[float | None]
    similarity: NotRequired[float]
    changed: NotRequired[bool]
    reranked_from: NotRequired[int]


def of_question(question: QuestionExplained) -> QuestionExplanation:
    """Return how a question was taken."""
    words: list[AskedWord] = []
    for asked in question.words[:_QUESTION_WORDS]:
        word: AskedWord = {
            "word": asked.word,
            "weight": round(asked.weight, _WEIGHT_PLACES),
            "memories": asked.memories,
        }
        if asked.in_a_name:
            word["in_a_name"] = True
        words.append(word)
    explanation: QuestionExplanation = {
        "compared": question.compared,
        "words": words,
        "memories": question.memories,
        "asks_when": question.asks_when,
        "date": question.date,
        "speakers": list(question.speakers),
        "vectors": question.vectors,
        "divisor": round(question.divisor, _WEIGHT_PLACES),
    }
    if more := question.words[_QUESTION_WORDS:]:
        explanation["more_words"] = len(more)
    return explanation


def of_hit(hit: HitExplained) -> Explanation:
    """Return what a score is made of."""
    explanation: Explanation = {
        "parts": _parts(hit.parts),
        "word_score": round(hit.word_score, _WEIGHT_PLACES),
        "words": [_word(word) for word in hit.words[:_WORDS]],
        "neighbours": [_neighbour(neighbour) for neighbour in hit.neighbours],
    }
    if more := hit.words[_WORDS:]:
        product = round(sum(word.product for word in more), _WEIGHT_PLACES)
        explanation["more_words"] = {"words": len(more), "product": product}
    if hit.written is not None:
        explanation["written"] = hit.written
    if hit.similarity is not None:
        explanation["cosine"] = None if hit.cosine is None else round(hit.cosine, _WEIGHT_PLACES)
        explanation["similarity"] = round(hit.similarity, _WEIGHT_PLACES)
    if hit.changed:
        explanation["changed"] = True
    if hit.reranked_from is not None:
        explanation["reranked_from"] = hit.reranked_from
    return explanation


def _parts(parts: Mapping[str, float]) -> Parts:
    def of(name: str) -> float:
        return round(parts[name], _PART_PLACES)

    return {
        "words": of("words"),
        "vector": of("vector"),
        "speaker": of("speaker"),
        "first_person": of("first_person"),
        "asks": of("asks"),
        "assistant": of("assistant"),
        "when": of("when"),
        "date": of("date"),
        "number": of("number"),
    }


def _word(word: MatchedWord) -> Word:
    return {
        "word": word.word,
        "weight": round(word.weight, _WEIGHT_PLACES),
        "stored": round(word.stored, _WEIGHT_PLACES),
        "product": round(word.product, _WEIGHT_PLACES),
        "in_memory": word.in_memory,
    }


def _neighbour(neighbour: CountedNeighbour) -> Neighbour:
    told: Neighbour = {
        "id": str(neighbour.id),
        "distance": neighbour.distance,
        "near": round(neighbour.near, _WEIGHT_PLACES),
        "around": round(neighbour.around, _WEIGHT_PLACES),
        "asked": neighbour.asked,
        "words": list(neighbour.words[:_WORDS]),
    }
    if more := neighbour.words[_WORDS:]:
        told["more_words"] = len(more)
    return told
