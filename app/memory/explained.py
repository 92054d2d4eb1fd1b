"""What the explanation of a search holds; `app.memory.explaining` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AskedWord:
    """A word of the question, or a character or a pair of those written without spaces.

    weight: how much it counts: its rarity (idf), halved for a word of a speaker's name. memories: how many have it.
    """

    word: str
    weight: float
    memories: int
    in_a_name: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionExplained:
    """How a question was taken.

    compared: what the words were compared with (`ranking.Compared`). words: the heaviest first. memories: the number in
    the searched projects. date: the month or day it names. speakers: those it names. vectors: whether they count.
    divisor: what the words' scores are divided by: the best of them; with vectors, the most that the question could
    reach by one part (`bm25.share_scale`).
    """

    compared: str
    words: tuple[AskedWord, ...]
    memories: int
    asks_when: bool
    date: str | None
    speakers: tuple[str, ...]
    vectors: bool
    divisor: float


@dataclass(frozen=True, slots=True)
class MatchedWord:
    """A word of the question that a result has, or its neighbours have.

    weight: in the question. stored: in the memory's vector. in_memory: whether it has the word itself.
    """

    word: str
    weight: float
    stored: float
    in_memory: bool

    @property
    def product(self) -> float:
        """What the word adds to the words' score."""
        return self.weight * self.stored


@dataclass(frozen=True, slots=True)
class CountedNeighbour:
    """A neighbour that brought words of the question.

    distance: in turns, below 0 before the memory. near, around: what each of its words counts in those two texts
    (docs/retrieval.md). asked: whether it counts as the question before, too.
    """

    id: UUID
    distance: int
    near: float
    around: float
    asked: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HitExplained:
    """What a score is made of: the sum of the parts, to six places, and 0 where that is below it.

    parts: those of `ranking.ScoreParts`, by the names that docs/retrieval.md has for them.
    word_score: the sum of the words' products. written: of a question of stop words, how the text has it.
    cosine: of the vectors; None without one. similarity: the cosine scaled to 0..1 between the results' lowest and
    highest, or their median for a memory without a vector; None where vectors do not count.
    changed: whether the memory, or a neighbour, was written to after the search; the words are then not those.
    reranked_from: the place, from 1, that the parts give it, where a rerank model chose another; the score is then the
    one of its new place.
    """

    parts: Mapping[str, float]
    word_score: float
    words: tuple[MatchedWord, ...]
    neighbours: tuple[CountedNeighbour, ...]
    written: str | None
    cosine: float | None
    similarity: float | None
    changed: bool
    reranked_from: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a search; hits: by the ids of their memories."""

    question: QuestionExplained
    hits: Mapping[UUID, HitExplained]
