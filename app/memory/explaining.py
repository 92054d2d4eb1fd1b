"""Explains the scores of a search: the parts of each, the question's words that matched, and which neighbours counted.

The stored vectors of the results are made again from what an index is made of, by the code that makes an index
(`app.memory.bm25`), so the words' products add up to the very score that the index returned. Imported only when an
explanation is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from uuid import UUID

from app.memory.bm25 import NEIGHBOURS, Counts, asked_before, shares, speaker_terms, window_vector
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import MemoryStore
from app.memory.ranking import Basis, Compared, Ranking, ScoreParts, basis, named_speakers
from app.memory.search import AS_WRITTEN, IN_ANOTHER_CASE, WORD_BY_WORD
from app.memory.types import Nearby, Scope
from app.memory.written_terms import written_terms

_QUESTION_COST = 25  # its terms are found in every piece of it
_WRITTEN = {AS_WRITTEN: "as written", IN_ANOTHER_CASE: "in another case", WORD_BY_WORD: "word by word"}
_UNKNOWN = "…"  # a term that only rows of an earlier analysis have


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

    words: the heaviest first. memories: the number in the searched projects. date: the month or day it names.
    speakers: those it names. vectors: whether they count. divisor: what the words' scores are divided by: the best of
    them; with vectors, the most that the question could reach by one part (`bm25.share_scale`).
    """

    compared: Compared
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

    word_score: the sum of the words' products. written: of a question of stop words, how the text has it.
    cosine: of the vectors; None without one. similarity: the cosine scaled to 0..1 between the results' lowest and
    highest, or their median for a memory without a vector; None where vectors do not count.
    changed: whether the memory, or a neighbour, was written to after the search; the words are then not those.
    """

    parts: ScoreParts
    word_score: float
    words: tuple[MatchedWord, ...]
    neighbours: tuple[CountedNeighbour, ...]
    written: str | None
    cosine: float | None
    similarity: float | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a search; hits: by the ids of their memories."""

    question: QuestionExplained
    hits: Mapping[UUID, HitExplained]


async def explained(
    store: MemoryStore, scope: Scope, query: str, ranking: Ranking, memories: Sequence[UUID]
) -> Explanation:
    """Explain a question and the scores of some of the memories that were ranked. Raises StoreUnavailable."""
    around: Mapping[UUID, Sequence[Nearby]] = {}
    reach = NEIGHBOURS if ranking.compared is Compared.INDEX else 0
    if ranking.weights:
        around = await store.terms_around(scope, memories, reach)
    terms = sum(len(turn.terms) for turns in around.values() for turn in turns)

    def work() -> Explanation:
        words = written_terms(query, ranking.question, ranking.weights)
        explaining = _Explaining(ranking, words, around, reach)
        return Explanation(explaining.question(), {memory: explaining.hit(memory) for memory in memories})

    return await run_off_loop_if_long(_QUESTION_COST * len(query) + terms, work)


class _Explaining:
    """Explains one ranking. words: how terms are written. around: what is around each memory, up to `reach` turns."""

    def __init__(
        self, ranking: Ranking, words: Mapping[int, str], around: Mapping[UUID, Sequence[Nearby]], reach: int
    ) -> None:
        self._ranking, self._words, self._around, self._reach = ranking, words, around, reach
        self._basis: Basis = basis(ranking.candidates, ranking.traits, ranking.scale)
        self._candidates = {one.id: one for one, _ in self._basis.known}
        self._parts = {one.id: one.parts for one in ranking.scored}

    def question(self) -> QuestionExplained:
        """Explain the question."""
        ranking, corpus = self._ranking, self._ranking.corpus
        names = speaker_terms(corpus.speakers)
        words = [
            AskedWord(self._word(term), weight, min(corpus.holding.get(term, 0), corpus.memories), term in names)
            for term, weight in ranking.weights.items()
        ]
        return QuestionExplained(
            compared=ranking.compared,
            words=tuple(sorted(words, key=lambda word: (-word.weight, word.word))),
            memories=corpus.memories,
            asks_when=ranking.question.asks_when,
            date=ranking.question.date.written if ranking.question.date else None,
            speakers=tuple(sorted(named_speakers(ranking.question, corpus.speakers))),
            vectors=bool(self._basis.dense),
            divisor=self._basis.best,
        )

    def hit(self, memory: UUID) -> HitExplained:
        """Explain the score of a memory."""
        candidate = self._candidates[memory]
        turns, asks, ids = self._session(memory)
        words = self._matched(turns, asks)
        compares_words = self._ranking.compared is not Compared.TEXT
        return HitExplained(
            parts=self._parts[memory],
            word_score=candidate.window_score,
            words=words,
            neighbours=self._neighbours(turns, asks, ids),
            written=None if compares_words else _WRITTEN[candidate.window_score],
            cosine=candidate.dense_score if self._basis.dense else None,
            similarity=self._basis.dense.get(memory),
            changed=compares_words and fsum(word.product for word in words) != candidate.window_score,
        )

    def _word(self, term: int) -> str:
        return self._words.get(term, _UNKNOWN)

    def _session(self, memory: UUID) -> tuple[list[Counts | None], list[bool], dict[int, UUID]]:
        """Return what `window_vector` takes, with the memory at `reach`, and the ids by distance."""
        turns: list[Counts | None] = [None] * (2 * self._reach + 1)
        asks = [False] * len(turns)
        near = self._around.get(memory, ())
        for turn in near:
            turns[self._reach + turn.distance] = Counter(turn.terms)
            asks[self._reach + turn.distance] = turn.asks
        return turns, asks, {turn.distance: turn.id for turn in near}

    def _matched(self, turns: Sequence[Counts | None], asks: Sequence[bool]) -> tuple[MatchedWord, ...]:
        """Return the words that matched, those that add the most first."""
        stored, own = window_vector(turns, asks, self._reach), turns[self._reach] or {}
        words = [
            MatchedWord(self._word(term), weight, stored[term], term in own)
            for term, weight in self._ranking.weights.items()
            if term in stored
        ]
        return tuple(sorted(words, key=lambda word: (-word.product, word.word)))

    def _neighbours(
        self, turns: Sequence[Counts | None], asks: Sequence[bool], ids: Mapping[int, UUID]
    ) -> tuple[CountedNeighbour, ...]:
        """Return the neighbours that brought words, in order."""
        counted = {distance: (near, around) for distance, near, around in shares(turns, self._reach)}
        asked = asked_before(turns, asks, self._reach)
        if asked:
            counted.setdefault(-1, (0.0, 0.0))
        found = []
        for distance, (near, around) in sorted(counted.items()):
            holds = turns[self._reach + distance] or {}
            words = tuple(sorted(self._word(term) for term in self._ranking.weights if term in holds))
            if words:
                is_asked = distance == -1 and bool(asked)
                found.append(CountedNeighbour(ids[distance], distance, near, around, is_asked, words))
        return tuple(found)
