"""Word scores of a turn with its neighbours, split in two: vectors that the index stores, and weights of a question.

The stored vector (`window_vector`) holds the part that depends on the texts alone; the query (`query_weights`) holds
the part that depends on the question and on the counts of the searched projects. So the engine's dot product is the
score of a turn's words: the same embedded, on a server and on any number of shards, and independent of other users'
data.

A turn's weight for a term is the sum of BM25's term frequency parts of several texts: the turn with its near
neighbours, the turn alone, the turn with all that was said around it, and the question before it, if there was one.
A neighbour counts as if it had at most NEIGHBOUR_TERMS terms, so that a long answer does not drown the short message
beside it; one of over ten times as many does not count at all, which halves the index and loses nothing.
`docs/retrieval.md` says what each part is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from app.memory.analysis import Question, name_terms
from app.memory.types import Corpus

VECTORS_VERSION = 3
"""Raise it whenever the same counts would give other vectors: a new index is built, while the earlier one answers."""

NEAR_BEFORE, NEAR_AFTER = (0.7, 0.4), (0.4, 0.2)  # weights of the turns one and two before, and one and two after
WIDE = (1.0, 1.0, 0.8, 0.8)  # of the four turns on each side
NEIGHBOURS = len(WIDE)  # a changed turn changes the vectors of this many on each side
NEIGHBOUR_TERMS = 30
LONGEST_NEIGHBOUR = 10 * NEIGHBOUR_TERMS

SATURATION = 1.2  # BM25's k1
# Weights are whole multiples of 1 / these. Products of two are multiples of 2**-14, whose sums below 1,024 fit the 24
# bits of a 32-bit float; the highest of the chats in docs/retrieval.md is 95. So scores are exact: in whatever order an
# engine, its shards and its segments add, the same memories tie and the same come first.
STORED_STEPS = 512  # steps per 1.0 of a stored weight
ASKED_STEPS = 32  # steps per 1.0 of a question's weight
NAME_WEIGHT = 0.5  # factor for a term in a speaker's name: the speaker cue adds the rest

Counts = Mapping[int, int]
Vector = dict[int, float]


@dataclass(frozen=True, slots=True)
class Part:
    """One of the texts whose term frequency parts make a stored weight.

    weight: of the part. terms: the length that counts as usual. share: how much the length matters, BM25's b.
    """

    weight: float
    terms: float
    share: float

    def add(self, counts: Mapping[int, float], length: float, total: Vector) -> None:
        """Add the part of each term, which is below 2.2 times the weight. length: of the text, in terms."""
        flat = SATURATION * (1 - self.share + self.share * length / self.terms)
        most = self.weight * (1 + SATURATION)
        so_far = total.get
        for term, count in counts.items():
            total[term] = so_far(term, 0.0) + most * count / (count + flat)


NEAR = Part(1.0, 40.0, 0.75)  # the means of LoCoMo's conversations are 38 to 43 weighted terms
OWN = Part(0.5, 16.0, 0.5)
AROUND = Part(1.0, 100.0, 0.75)
ASKED_BEFORE = Part(0.5, 16.0, 0.5)


def shares(turns: Sequence[Counts | None], at: int) -> list[tuple[int, float, float]]:
    """Return the neighbours that count for the turn at `at`: (distance, near, around) of each.

    turns: as for `window_vector`. distance: in turns, below 0 for one before it. near, around: what each of its terms
    counts in the text with the near neighbours, and in that with all around.
    """
    found = []
    for step, weights in ((-1, NEAR_BEFORE), (1, NEAR_AFTER)):
        for distance, weight in enumerate(WIDE, 1):
            place = at + step * distance
            if not 0 <= place < len(turns):
                break
            neighbour = turns[place]
            if neighbour and (terms := sum(neighbour.values())) <= LONGEST_NEIGHBOUR:
                bounded = min(1.0, NEIGHBOUR_TERMS / terms)
                near = weights[distance - 1] * bounded if distance <= len(weights) else 0.0
                found.append((step * distance, near, weight * bounded))
    return found


def asked_before(turns: Sequence[Counts | None], asks: Sequence[bool], at: int) -> Counts | None:
    """Return the turn before the one at `at` if it is a question; its length does not matter."""
    return turns[at - 1] if at > 0 and asks[at - 1] else None


def window_vector(turns: Sequence[Counts | None], asks: Sequence[bool], at: int) -> Vector:
    """Return the stored vector of the turn at `at`.

    turns: how often each turn of the session contains each term, by position; None where a turn was deleted (it keeps
    its position, so distances stay the same; its own vector is empty). asks: whether each turn ends in a question.
    Only turns within NEIGHBOURS are read. The first terms of the vector are those of the turn itself.
    """
    own = turns[at]
    if own is None:
        return {}
    neighbours, asked = shares(turns, at), asked_before(turns, asks, at)
    if not (neighbours or asked):
        return _alone(own)
    near: dict[int, float] = dict(own)
    wide: dict[int, float] = dict(own)
    for distance, near_share, around_share in neighbours:
        neighbour = turns[at + distance] or {}
        _add(neighbour, around_share, wide)
        if near_share:
            _add(neighbour, near_share, near)
    total: Vector = {}
    NEAR.add(near, sum(near.values()), total)
    OWN.add(own, sum(own.values()), total)
    AROUND.add(wide, sum(wide.values()), total)
    if asked:
        ASKED_BEFORE.add(asked, sum(asked.values()), total)
    return {term: _stored(weight) for term, weight in total.items()}


def _alone(own: Counts) -> Vector:
    """Return the vector of a turn without neighbours, as a long text is: terms that occur as often weigh the same."""
    length = sum(own.values())
    counts = {count: count for count in own.values()}
    total: Vector = {}
    for part in (NEAR, OWN, AROUND):
        part.add(counts, length, total)
    weights = {count: _stored(weight) for count, weight in total.items()}
    return {term: weights[count] for term, count in own.items()}


def _stored(weight: float) -> float:
    return (round(weight * STORED_STEPS) or 1) / STORED_STEPS


def _add(counts: Counts, weight: float, total: dict[int, float]) -> None:
    so_far = total.get
    for term, count in counts.items():
        total[term] = so_far(term, 0.0) + weight * count


def query_weights(question: Question, corpus: Corpus, speaker_terms: frozenset[int]) -> Vector:
    """Return the query vector: each term's idf in the searched projects, halved for a speaker's name."""
    memories = corpus.memories
    weights = {}
    earlier = [term for term in question.earlier if corpus.holding.get(term)]  # none once all rows are analysed again
    for term in (*question.terms, *earlier):
        holding = min(
            corpus.holding.get(term, 0), memories
        )  # if the two were counted at different moments: keeps idf > 0
        idf = log(1 + (memories - holding + 0.5) / (holding + 0.5))
        weight = NAME_WEIGHT * idf if term in speaker_terms else idf
        weights[term] = (round(weight * ASKED_STEPS) or 1) / ASKED_STEPS
    return weights


def speaker_terms(speakers: Iterable[str]) -> frozenset[int]:
    """Return the terms in all speakers' names."""
    return frozenset().union(*map(name_terms, speakers))


def share_scale(query: Mapping[int, float]) -> float:
    """Return M, the highest score that a query could reach by one of the parts alone.

    A score divided by it is a share of the question, not of the best memory's score: so if the words of a question
    occur nowhere, the vectors decide.
    """
    return (1 + SATURATION) * sum(query.values())
