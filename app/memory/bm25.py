"""BM25 over a turn with its neighbours, split in two: vectors that the index stores, and weights of a question.

The stored vectors (`window_vector`, `session_vector`) hold the part that depends on the text alone; the query
(`query_weights`) holds the part that depends on the question and on the counts of the searched projects. So the
engine's dot product is the window score B or the session score S: the same embedded, on a server and on any number
of shards, and independent of other users' data.

Mean lengths and counts over windows change with every write, so fixed lengths and counts over turns replace them.
With those, b = 0.75 for windows does as well as the usual recipe's 0.5 (R@5 / R@10 of 0.758 / 0.822 on LoCoMo's three
tuning conversations against 0.754 / 0.821), and better without picture captions (0.751 / 0.819 against 0.745 /
0.819); the original has 0.760 / 0.819.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log

from app.memory.analysis import Question, name_terms
from app.memory.types import Corpus

VECTORS_VERSION = 2
"""Raise it whenever the same counts would give other vectors: it makes every index rebuild."""

BEFORE = (0.7, 0.4)  # weight of the words of the turn before, and of the one before that
AFTER = (0.4, 0.2)
NEIGHBOURS = max(len(BEFORE), len(AFTER))  # a changed turn changes the vectors of this many on each side

SATURATION = 1.2  # BM25's k1
# Weights are whole multiples of 1 / these. Products of two are multiples of 2**-16, whose sums below 256 fit the 24
# bits of a 32-bit float. So scores are exact: in whatever order an engine, its shards and its segments add, the same
# memories tie and the same come first.
STORED_STEPS = 512  # steps per 1.0 of a stored weight
ASKED_STEPS = 128  # steps per 1.0 of a question's weight
WINDOW_LENGTH = 40.0  # weighted terms in a window; the means of the three conversations are 38 to 43
WINDOW_LENGTH_SHARE = 0.75  # BM25's b, at its usual value; see the module docstring
SESSION_LENGTH = 320.0  # terms in a session; the means are 286 to 362
SESSION_LENGTH_SHARE = 0.75
NAME_WEIGHT = 0.5  # factor for a term in a speaker's name: the speaker cue adds the rest

Counts = Mapping[int, int]
Vector = dict[int, float]


def window_vector(turns: Sequence[Counts | None], at: int) -> Vector:
    """Return the stored vector of the turn at `at`: its terms and, weighing less, those of its neighbours.

    turns: how often each turn of the session contains each term, by position; None where a turn was deleted (it keeps
    its position, so distances stay the same; its own vector is empty). Only turns within NEIGHBOURS are read.
    """
    own = turns[at]
    if own is None:
        return {}
    counts: dict[int, float] = dict(own)
    count_so_far = counts.get
    for weights, step in ((BEFORE, -1), (AFTER, 1)):
        place = at
        for weight in weights:
            place += step
            if not 0 <= place < len(turns):
                break
            for term, count in (turns[place] or {}).items():
                counts[term] = count_so_far(term, 0.0) + weight * count
    return _saturated(counts, WINDOW_LENGTH, WINDOW_LENGTH_SHARE)


def session_vector(turns: Iterable[Counts]) -> Vector:
    """Return the stored vector of a session: all its turns as one text."""
    counts: dict[int, float] = {}
    count_so_far = counts.get
    for turn in turns:
        for term, count in turn.items():
            counts[term] = count_so_far(term, 0) + count
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
    """Return M, the highest window score that a query could reach.

    A score divided by it is a share of the question, not of the best memory's score: so if the words of a question
    occur nowhere, the vectors decide.
    """
    return (1 + SATURATION) * sum(query.values())
