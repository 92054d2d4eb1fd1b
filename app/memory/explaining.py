"""Explains the scores of a search: the parts of each, the question's words that matched, and which neighbours counted.

The stored vectors of the results are made again from what an index is made of, by the code that makes an index
(`app.memory.bm25`), so the words' products add up to the very score that the index returned. Imported only when an
explanation is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import fsum
from uuid import UUID

from app.memory.bm25 import LONGEST_NEIGHBOUR, NEIGHBOURS, Counts, asked_before, shares, speaker_terms, window_vector
from app.memory.explained import AskedWord, CountedNeighbour, Explanation, HitExplained, MatchedWord, QuestionExplained
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import MemoryStore
from app.memory.ranking import (
    AS_WRITTEN,
    IN_ANOTHER_CASE,
    WORD_BY_WORD,
    Basis,
    Compared,
    Ranking,
    ScoreParts,
    basis,
    named_speakers,
)
from app.memory.types import Nearby, Scope
from app.memory.written_terms import written_terms

_QUESTION_COST = 25  # its terms are found in every piece of it
_AT_ONCE = 10  # memories; a long one has 20,000 terms, and so may the question before it
_WRITTEN = {AS_WRITTEN: "as written", IN_ANOTHER_CASE: "in another case", WORD_BY_WORD: "word by word"}
_NAMES = {"lexical": "words", "dense": "vector"}  # in docs/retrieval.md; the other parts have the same
_UNKNOWN = "…"  # a term that only rows of an earlier analysis have


async def explain(
    store: MemoryStore, scope: Scope, query: str, ranking: Ranking, memories: Sequence[UUID]
) -> Explanation:
    """Explain a question and the scores of some of the memories that were ranked. Raises StoreUnavailable."""
    words = await run_off_loop_if_long(
        _QUESTION_COST * len(query), lambda: written_terms(query, ranking.question, ranking.weights)
    )
    explaining = _Explaining(ranking, words)
    hits: dict[UUID, HitExplained] = {}
    for first in range(0, len(memories), _AT_ONCE):
        some = memories[first : first + _AT_ONCE]
        around: Mapping[UUID, Sequence[Nearby]] = {}
        if ranking.weights:
            around = await store.terms_around(scope, some, explaining.reach, LONGEST_NEIGHBOUR)
        terms = sum(len(turn.terms) for turns in around.values() for turn in turns)
        hits |= await run_off_loop_if_long(terms, partial(explaining.hits, some, around))
    return Explanation(explaining.question(), hits)


class _Explaining:
    """Explains one ranking. words: how terms are written. reach: how far the neighbours that counted are, in turns."""

    def __init__(self, ranking: Ranking, words: Mapping[int, str]) -> None:
        self._ranking, self._words = ranking, words
        self.reach = NEIGHBOURS if ranking.compared is Compared.INDEX else 0
        self._basis: Basis = basis(ranking.candidates, ranking.traits, ranking.scale)
        self._candidates = {one.id: one for one, _ in self._basis.known}
        self._parts = {one.id: one.parts for one in ranking.scored}
        self._moved_from = _moved_from(ranking)

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

    def hits(self, memories: Sequence[UUID], around: Mapping[UUID, Sequence[Nearby]]) -> dict[UUID, HitExplained]:
        """Explain the scores of memories. around: the turns around each, as far as `reach`."""
        return {memory: self._hit(memory, around.get(memory, ())) for memory in memories}

    def _hit(self, memory: UUID, near: Sequence[Nearby]) -> HitExplained:
        candidate = self._candidates[memory]
        turns, asks = self._session(near)
        words = self._matched(turns, asks)
        compares_words = self._ranking.compared is not Compared.TEXT
        return HitExplained(
            parts=_named(self._parts[memory]),
            word_score=candidate.window_score,
            words=words,
            neighbours=self._neighbours(turns, asks, {turn.distance: turn.id for turn in near}),
            written=None if compares_words else _WRITTEN[candidate.window_score],
            cosine=candidate.dense_score if self._basis.dense else None,
            similarity=self._basis.dense.get(memory),
            changed=compares_words and fsum(word.product for word in words) != candidate.window_score,
            reranked_from=self._moved_from.get(memory),
        )

    def _word(self, term: int) -> str:
        return self._words.get(term, _UNKNOWN)

    def _session(self, near: Sequence[Nearby]) -> tuple[list[Counts | None], list[bool]]:
        """Return what `window_vector` takes, with the memory itself at `reach`."""
        turns: list[Counts | None] = [None] * (2 * self.reach + 1)
        asks = [False] * len(turns)
        for turn in near:
            turns[self.reach + turn.distance] = Counter(turn.terms)
            asks[self.reach + turn.distance] = turn.asks
        return turns, asks

    def _matched(self, turns: Sequence[Counts | None], asks: Sequence[bool]) -> tuple[MatchedWord, ...]:
        """Return the words that matched, those that add the most first."""
        stored, own = window_vector(turns, asks, self.reach), turns[self.reach] or {}
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
        counted = {distance: (near, around) for distance, near, around in shares(turns, self.reach)}
        asked = asked_before(turns, asks, self.reach)
        if asked:
            counted.setdefault(-1, (0.0, 0.0))
        found = []
        for distance, (near, around) in sorted(counted.items()):
            holds = turns[self.reach + distance] or {}
            words = tuple(sorted(self._word(term) for term in self._ranking.weights if term in holds))
            if words:
                is_asked = distance == -1 and bool(asked)
                found.append(CountedNeighbour(ids[distance], distance, near, around, is_asked, words))
        return tuple(found)


def _moved_from(ranking: Ranking) -> dict[UUID, int]:
    """Return the places that the parts give to those that a rerank model gave others."""
    there = {one.id for one in ranking.scored}
    before = [one.id for one in ranking.without_model if one.id in there]
    return {
        one: place for place, (one, now) in enumerate(zip(before, ranking.scored, strict=False), 1) if one != now.id
    }


def _named(parts: ScoreParts) -> dict[str, float]:
    return {_NAMES.get(name, name): part for name, part in parts._asdict().items()}
