"""Searches the parts of one user's index: candidates with their scores and traits, and the counts that weigh terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.index.embedded.partition import Part, Parts
from app.index.embedded.segment import Segment, micros, number
from app.memory.bm25 import ASKED_STEPS, STORED_STEPS
from app.memory.ordering import Array
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Corpus, Filter
from app.memory.windows import OWN

_WEIGHT = OWN - 1
_VECTORS_AT_ONCE = 4_096  # rows, whose numbers are widened to 32 bits: some megabytes


def work(parts: Parts, terms: Sequence[int]) -> int:
    """Return how many postings and rows a search for terms looks at."""
    return sum(part.segment.size + sum(len(part.segment.of_term(term)[0]) for term in terms) for part in parts)


def corpus(parts: Parts, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus:
    """Return the number of memories in the projects, how many hold each term, and who speaks in them."""
    memories, speakers = 0, set[str]()
    holding = dict.fromkeys(terms, 0)
    for part in parts:
        segment = part.segment
        scope = _scope(part, projects)
        memories += segment.size if scope is None else int(np.count_nonzero(scope))
        speakers |= segment.speakers(scope)
        for term in holding:
            rows, weights = segment.of_term(term)
            own = weights >= OWN
            holding[term] += int(np.count_nonzero(own if scope is None else scope[rows] & own))
    return Corpus(memories=memories, holding=holding, speakers=tuple(sorted(speakers)))


def candidates(parts: Parts, query: CandidateQuery, model: str = "") -> list[Candidate]:
    """Return the best by words and, if the query has a vector, those nearest to it.

    Each has both scores: a window score of 0 without a common term, a dense score of None without a vector.
    model: of the query's vector.
    """
    if query.where.projects == () or query.where.kinds == ():
        return []
    found = [one for part in parts if (one := _found(part, query, model)) is not None]
    best = _best([one.words for one in found], query.limit)
    near = _best([one.nearness for one in found if one.nearness is not None], query.limit)
    every = [
        candidate
        for place, one in enumerate(found)
        for candidate in one.candidates(np.union1d(best[place], near[place]) if near else best[place])
    ]
    return sorted(every, key=lambda one: -one.window_score)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a query finds in one segment: rows in question, their scores in whole steps, their nearness."""

    segment: Segment
    rows: Array
    words: Array
    nearness: Array | None

    def candidates(self, places: Array) -> Iterator[Candidate]:
        """Yield the candidates at some places of the rows."""
        rows = self.rows[places]
        words = (self.words[places] / (STORED_STEPS * ASKED_STEPS)).tolist()
        near = [None] * len(rows) if self.nearness is None else self.nearness[places].tolist()
        for traits, score, nearness in zip(self.segment.traits(rows), words, near, strict=True):
            yield Candidate(traits.id, score, None if nearness is None or nearness != nearness else nearness, traits)


def _found(part: Part, query: CandidateQuery, model: str) -> _Found | None:
    segment = part.segment
    scores = np.zeros(segment.size, "i4")
    for term, weight in query.weights.items():
        rows, weights = segment.of_term(term)
        if len(rows):
            scores[rows] += (weights & _WEIGHT).astype("i4") * round(weight * ASKED_STEPS)
    near = _nearness(segment, query.dense, model)
    wanted = scores > 0 if near is None else (scores > 0) | ~np.isnan(near)
    if (mask := _mask(part, query.where)) is not None:
        wanted &= mask
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return None
    return _Found(segment, rows, scores[rows], None if near is None else near[rows])


def _nearness(segment: Segment, dense: Sequence[float] | None, model: str) -> Array | None:
    """Return the cosine of each row's vector with the question's; not a number for a row without one."""
    if dense is None:
        return None
    near = np.full(segment.size, np.nan, "f4")
    if segment.model != model or segment.vectors.shape[1] != len(dense):
        return near
    asked = np.array(dense, "f4")
    for first in range(0, segment.size, _VECTORS_AT_ONCE):
        some = segment.vectors[first : first + _VECTORS_AT_ONCE].astype("f4")
        near[first : first + len(some)] = some @ asked
    near[segment.has_vector == 0] = np.nan
    return near


def _best(scores: Sequence[Array], limit: int) -> list[Array]:
    """Return the places of the best `limit` scores of all segments, by segment, without 0 and what is not a number."""
    if not scores:
        return []
    whole = np.concatenate(scores)
    places = np.flatnonzero(whole > 0) if whole.dtype.kind == "i" else np.flatnonzero(~np.isnan(whole))
    if len(places) > limit:
        places = places[np.argpartition(-whole[places], limit - 1)[:limit]]
    ends = np.cumsum([len(one) for one in scores])
    places.sort()
    borders = np.searchsorted(places, ends)
    return [
        places[first:last] - (end - len(one))
        for first, last, end, one in zip([0, *borders[:-1]], borders, ends, scores, strict=True)
    ]


def _scope(part: Part, projects: Sequence[str] | None) -> Array | None:
    """Return a mask of the rows that are there and in one of the projects; None for all rows."""
    mask = None if part.alive.all() else part.alive
    return mask if projects is None else _and(mask, _any_of(part.segment.project, projects))


def _mask(part: Part, where: Filter) -> Array | None:
    """Return a mask of the rows that are there and pass a filter; None for all rows."""
    segment, mask = part.segment, _scope(part, where.projects)
    if where.kinds is not None:
        mask = _and(mask, _any_of(segment.kind, [str(kind) for kind in where.kinds]))
    if where.role is not None:
        mask = _and(mask, segment.role == number(where.role))
    if where.conversation_id is not None:
        mask = _and(mask, segment.conversation == number(where.conversation_id))
    if where.since is not None:
        mask = _and(mask, segment.at >= micros(where.since))
    if where.until is not None:
        mask = _and(mask, segment.at < micros(where.until))
    for tag in where.tags or ():
        mask = _and(mask, segment.with_tag(tag))
    return mask


def _any_of(column: Array, values: Sequence[str]) -> Array:
    wanted = [number(value) for value in values]
    if len(wanted) == 1:
        is_it: Array = column == wanted[0]
        return is_it
    return np.isin(column, np.array(wanted, "u8"))


def _and(mask: Array | None, other: Array) -> Array:
    return other if mask is None else mask & other
