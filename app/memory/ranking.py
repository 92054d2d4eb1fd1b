"""Ranks candidates by the index's word scores (`app.memory.bm25`), their vectors and a few small cues.

The weights were learned on conversations for development (listwise softmax, then rounded); `docs/retrieval.md` says
what each is worth, and how well it does on others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app.memory.analysis import Question, is_named
from app.memory.cues import FIRST_PERSON_LIMIT, is_assistant
from app.memory.moments import at_place
from app.memory.types import Candidate, Corpus, Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weight of each part of a score. Lexical and dense are about 0..1, the cues are 0..1."""

    lexical: float
    dense: float
    speaker: float  # the question names the speaker
    first_person: float  # … who speaks of themselves
    asks: float  # a turn that asks a question seldom answers one
    assistant: float  # an assistant's answers have the words of what was asked, and what it knows is not remembered
    when: float  # the question asks for a time and the memory contains one
    date: float  # the memory is from the month or day the question names
    number: float  # the memory has a number


LEXICAL = Weights(
    lexical=0.75,
    dense=0.0,
    speaker=0.21,
    first_person=0.10,
    asks=-0.02,
    assistant=-0.15,
    when=0.18,
    date=0.33,
    number=0.05,
)
SHARE = Weights(
    lexical=0.70,
    dense=0.50,
    speaker=0.20,
    first_person=0.10,
    asks=-0.05,
    assistant=-0.15,
    when=0.20,
    date=0.40,
    number=0.05,
)
# The word scores of texts that hold a question of stop words.
AS_WRITTEN, IN_ANOTHER_CASE, WORD_BY_WORD = 1.0, 0.5, 0.25
_VOTERS = 50  # the best by words; vectors count only if enough of these have one
_COSINE_PLACES = 4  # 16-bit vectors are no more precise
_SCORE_PLACES = 6


class ScoreParts(NamedTuple):
    """The share of each part in a score."""

    lexical: float
    dense: float
    speaker: float
    first_person: float
    asks: float
    assistant: float
    when: float
    date: float
    number: float


class Scored(NamedTuple):
    """A ranked candidate. `score` is the sum of the parts to six places, never below 0."""

    id: UUID
    score: float
    parts: ScoreParts


class Compared(StrEnum):
    """What a question's words were compared with."""

    INDEX = "index"  # each memory's words, and its neighbours'
    OWN_WORDS = "own words"  # each memory's alone: the index does not answer, or archived memories are asked for
    TEXT = "text"  # of a question of stop words, the texts as they are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A ranking, best first, with all that it was made of.

    traits: of the candidates that bring none.
    without_model: in the order of the sums of parts, where a rerank model was asked; `scored` is then in its order.
    """

    scored: Sequence[Scored]
    question: Question
    compared: Compared
    corpus: Corpus
    candidates: Sequence[Candidate] = ()
    traits: Mapping[UUID, Traits] = field(default_factory=dict)
    weights: Mapping[int, float] = field(default_factory=dict)  # of the question's terms
    scale: float | None = None
    without_model: Sequence[Scored] = ()


class Basis(NamedTuple):
    """What scores are measured by.

    known: the candidates that get a score. dense: the dense score of each, scaled; empty if vectors do not count.
    best: what the words' scores are divided by.
    """

    known: list[tuple[Candidate, Traits]]
    dense: dict[UUID, float]
    best: float


def basis(candidates: Sequence[Candidate], traits: Mapping[UUID, Traits], scale: float | None) -> Basis:
    """Return what the scores of candidates are measured by; the arguments are those of `rank`."""
    dense = _dense_scores(candidates)
    if not dense:  # a candidate that only the vectors found then has no score
        candidates = [c for c in candidates if c.dense_score is None or c.window_score > 0]
    known = [(c, trait) for c in candidates if (trait := c.traits or traits.get(c.id)) is not None]
    return Basis(known, dense, scale if dense and scale else max((c.window_score for c, _ in known), default=0.0))


def rank(
    question: Question,
    candidates: Sequence[Candidate],
    traits: Mapping[UUID, Traits],
    speakers: Sequence[str],
    *,
    weights: Weights | None = None,
    scale: float | None = None,
    zone: tzinfo | None = None,
) -> list[Scored]:
    """Return the candidates that have traits, best first; equal scores newest first, then by id.

    traits: of the candidates that bring none.
    weights: by default LEXICAL, or SHARE if vectors count (see `_dense_scores`).
    scale: `share_scale` of the query, for SHARE; without it, and for LEXICAL, the scale is the best lexical score.
    zone: of days whose offset is unknown; None for the machine's.
    """
    known, dense, best = basis(candidates, traits, scale)
    weights = weights or (SHARE if dense else LEXICAL)
    cues = _Cues(question, weights, named_speakers(question, speakers))
    asks_date = question.date is not None

    ranked = []
    for candidate, trait in known:
        before, number = cues.of(trait)
        date = weights.date * date_part(question, at_place(trait.at, trait.offset, zone)) if asks_date else 0.0
        similar = weights.dense * dense[candidate.id] if dense else 0.0
        lexical = weights.lexical * candidate.window_score / best if best > 0 else 0.0
        parts = (lexical, similar, *before, date, number)
        ranked.append((-round(sum(parts), _SCORE_PLACES), -_timestamp(trait.at), candidate.id, parts))
    ranked.sort()
    return [Scored(id_, max(0.0, -total), ScoreParts._make(parts)) for total, _, id_, parts in ranked]


class _Cues:
    """The shares of the cues that have few values. Candidates are many, and most of them have the same."""

    def __init__(self, question: Question, weights: Weights, named: frozenset[str]) -> None:
        self._question, self._weights, self._named = question, weights, named
        self._known: dict[tuple[object, ...], tuple[tuple[float, ...], float]] = {}

    def of(self, trait: Traits) -> tuple[tuple[float, ...], float]:
        """Return the parts from `speaker` to `when`, and `number`."""
        key = (trait.role, trait.name, trait.asks, trait.tells_time, trait.tells_number, trait.first_person)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._of(trait)
        return found

    def _of(self, trait: Traits) -> tuple[tuple[float, ...], float]:
        weights, speaks = self._weights, trait.name in self._named
        return (
            weights.speaker if speaks else 0.0,
            weights.first_person * trait.first_person / FIRST_PERSON_LIMIT if speaks else 0.0,
            weights.asks if trait.asks else 0.0,
            weights.assistant if is_assistant(trait.role) else 0.0,
            weights.when if self._question.asks_when and trait.tells_time else 0.0,
        ), weights.number if trait.tells_number else 0.0


def named_speakers(question: Question, speakers: Sequence[str]) -> frozenset[str]:
    """Return the speakers the question names; none when it names all of them, which distinguishes nothing."""
    everyone = frozenset(speakers)
    named = frozenset(name for name in everyone if is_named(name, question))
    return named if len(named) < len(everyone) else frozenset()


def date_part(question: Question, at: datetime) -> float:
    """Return how well a moment fits the month or day the question names: 1, 0.5 or 0.

    People mention things after they happened, so it counts the days since then; a month without a year is in the
    memory's own year.
    """
    cue = question.date
    first = cue.first_day(at.year) if cue else None
    if not cue or not first:
        return 0.0
    days = at.toordinal() - first.toordinal()
    if cue.day:
        return 1.0 if 0 <= days <= 8 else 0.5 if -3 <= days <= 20 else 0.0
    return 1.0 if 0 <= days <= 31 else 0.5 if 0 <= days <= 45 else 0.0


def _dense_scores(candidates: Sequence[Candidate]) -> dict[UUID, float]:
    """Return each candidate's dense score scaled to 0..1; nothing if too few candidates have vectors.

    The scale runs from the lowest to the highest score of the candidates. With the best 100 by words and the best 100
    by vectors this does as well on LoCoMo's three conversations as the scale of the whole project (R@5 / R@10 0.781 /
    0.839; lexical 0.758 / 0.822). A memory without a vector gets the median: with three of ten missing that gives
    0.769 / 0.827, with half of them 0.745 / 0.816 (with the lowest score instead: 0.634 / 0.737). So vectors count
    if two of three of the best by words have one, and that is never worse than words alone.
    """
    scores = {c.id: round(c.dense_score, _COSINE_PLACES) for c in candidates if c.dense_score is not None}
    by_words = sorted((c for c in candidates if c.window_score > 0), key=lambda c: -c.window_score)[:_VOTERS]
    if not scores or 3 * sum(c.id in scores for c in by_words) < 2 * len(by_words):
        return {}
    ordered = sorted(scores.values())
    low, high = ordered[0], ordered[-1]
    median = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    span = (high - low) or 1.0
    return {c.id: (scores.get(c.id, median) - low) / span for c in candidates}


def _timestamp(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
