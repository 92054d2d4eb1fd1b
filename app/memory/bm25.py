"""BM25 over a turn with its neighbours, in two parts: one that the index stores, one that a question brings.

The part that depends on a text alone stands in the vectors the index stores (`window_vector`, `session_vector`); the
part that depends on the question and on the searched projects' counts stands in the query (`query_weights`). The
engine's dot product is then the window score B and the session score S, the same embedded, on a server and on any
number of shards, and never touched by another user's data.

In place of mean lengths and of counts over windows, which change with every write, stand fixed lengths and counts
over turns. With them b = 0.75 for windows does as well as the recipe's 0.5 (0.758 / 0.822 on LoCoMo's three
conversations for tuning against 0.754 / 0.821), and better where pictures' captions are left out (0.751 / 0.819
against 0.745 / 0.819); the original has 0.760 / 0.819.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log

from app.memory.analysis import Question, name_terms
from app.memory.types import Corpus

VECTORS_VERSION = 2
"""Raise it whenever the same counts would give other vectors: an index of another version is rebuilt."""

BEFORE = (0.7, 0.4)  # what the words of the turn before count for a turn, and those of the one before that
AFTER = (0.4, 0.2)
NEIGHBOURS = max(len(BEFORE), len(AFTER))  # a changed turn re-weighs this many on each side

SATURATION = 1.2  # BM25's k1
# Weights are whole multiples of these. Their products are then multiples of 2**-16, whose sums below 256 take the 24
# bits that a 32-bit float holds: an engine's score is exact, so whatever order it, its shards and its segments add
# in, the same memories tie and the same come first.
STORED_STEPS = 512  # in 1.0 of a stored weight
ASKED_STEPS = 128  # in 1.0 of a question's
WINDOW_LENGTH = 40.0  # weighted terms in a window; the means of the three conversations are 38 to 43
WINDOW_LENGTH_SHARE = 0.75  # BM25's b, its usual value; see the docstring for what the recipe had
SESSION_LENGTH = 320.0  # terms in a session; the means are 286 to 362
SESSION_LENGTH_SHARE = 0.75
NAME_WEIGHT = 0.5  # of a term that is in a speaker's name: the speaker cue says the rest

Counts = Mapping[int, int]
Vector = dict[int, float]


def window_vector(turns: Sequence[Counts | None], at: int) -> Vector:
    """Return the stored vector of the turn at `at`: its terms and, counting less, those of its neighbours.

    turns: how often each turn of the session holds each term, by position; None where a turn was deleted (it keeps
    its place, so distances stay; its own window vector is empty). Those further than NEIGHBOURS are not looked at.
    """
    own = turns[at]
    if own is None:
        return {}
    counts: dict[int, float] = dict(own)
    seen = counts.get
    for weights, step in ((BEFORE, -1), (AFTER, 1)):
        place = at
        for weight in weights:
            place += step
            if not 0 <= place < len(turns):
                break
            for term, count in (turns[place] or {}).items():
                counts[term] = seen(term, 0.0) + weight * count
    return _saturated(counts, WINDOW_LENGTH, WINDOW_LENGTH_SHARE)


def session_vector(turns: Iterable[Counts]) -> Vector:
    """Return the stored vector of a session: all its turns as one text."""
    counts: dict[int, float] = {}
    seen = counts.get
    for turn in turns:
        for term, count in turn.items():
            counts[term] = seen(term, 0) + count
    return _saturated(counts, SESSION_LENGTH, SESSION_LENGTH_SHARE)


def _saturated(counts: Mapping[int, float], reference: float, share: float) -> Vector:
    """Return BM25's term frequency part, in 0..2.2, for a text compared with one of `reference` terms."""
    flat = SATURATION * (1 - share + share * sum(counts.values()) / reference)
    most = (1 + SATURATION) * STORED_STEPS
    return {term: (round(most * count / (count + flat)) or 1) / STORED_STEPS for term, count in counts.items()}


def query_weights(question: Question, corpus: Corpus, speaker_terms: frozenset[int]) -> Vector:
    """Return the query vector: each term's idf in the searched projects, halved for a speaker's name."""
    memories = corpus.memories
    weights = {}
    for term in question.terms:
        holding = min(corpus.holding.get(term, 0), memories)  # were they counted at two moments: idf stays > 0
        idf = log(1 + (memories - holding + 0.5) / (holding + 0.5))
        weight = NAME_WEIGHT * idf if term in speaker_terms else idf
        weights[term] = (round(weight * ASKED_STEPS) or 1) / ASKED_STEPS
    return weights


def speaker_terms(speakers: Iterable[str]) -> frozenset[int]:
    """Return the terms of all speakers' names."""
    return frozenset().union(*map(name_terms, speakers))


def share_scale(query: Mapping[int, float]) -> float:
    """Return M, the most a window score could reach.

    Scores divided by it tell how much of the question a memory holds, not of the best memory: so a question
    whose words are nowhere leaves the choice to the vectors.
    """
    return (1 + SATURATION) * sum(query.values())
