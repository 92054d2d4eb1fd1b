"""The vector searches that an engine runs for one question, and the candidates made from their scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from app.index.qdrant.fields import DENSE, WINDOW
from app.index.qdrant.filters import Among, Condition, conditions
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Traits

Found: TypeAlias = dict[UUID, tuple[float, Traits | None]]  # scores with the traits, if they are stored


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSearch:
    """A search for the points nearest to a vector by dot product, best first.

    using: the name of the points' vector. must: conditions for the points. without: points to leave out.
    """

    using: str
    vector: Mapping[int, float] | Sequence[float]
    must: Sequence[Condition]
    limit: int
    without: Collection[UUID] = ()


class CandidateSearch:
    """Finds candidates in two steps, so that each has both scores, whichever search found it.

    The first step finds the best by words and, if the query has a vector, the nearest to it. The second gets the
    scores that are still missing. An engine runs the searches of a step and adds the answers.
    """

    def __init__(self, query: CandidateQuery, without: Collection[UUID] = ()) -> None:
        """without: points to leave out."""
        self._query, self._without = query, without
        self._windows: dict[UUID, float] = {}
        self._nearest: dict[UUID, float] = {}
        self._traits: dict[UUID, Traits | None] = {}

    def first(self) -> list[VectorSearch]:
        """Return the searches of the first step; none if the filter matches nothing."""
        query = self._query
        if query.where.projects == () or query.where.kinds == ():
            return []
        must = conditions(query.user, query.where)
        return [*self._by_words(must, query.limit, self._without), *self._by_vector(must, query.limit, self._without)]

    def second(self) -> list[VectorSearch]:
        """Return the searches of the second step; first add the answers of the first."""
        wordless, far = self._nearest.keys() - self._windows.keys(), self._windows.keys() - self._nearest.keys()
        return [*self._by_words([Among(wordless)], len(wordless)), *self._by_vector([Among(far)], len(far))]

    def add(self, searches: Iterable[VectorSearch], answers: Iterable[Found]) -> None:
        """Add what each search of a step found."""
        for search, found in zip(searches, answers, strict=True):
            scores = self._windows if search.using == WINDOW else self._nearest
            for id_, (score, traits) in found.items():
                scores[id_], self._traits[id_] = score, traits

    def candidates(self) -> list[Candidate]:
        """Return the candidates: a window score of 0 without a common word, a dense score of None without a vector."""
        windows, nearest = self._windows, self._nearest
        return [Candidate(id_, windows.get(id_, 0.0), nearest.get(id_), traits) for id_, traits in self._traits.items()]

    def _by_words(
        self, must: Sequence[Condition], limit: int, without: Collection[UUID] = ()
    ) -> Iterator[VectorSearch]:
        if self._query.weights and limit:
            yield VectorSearch(using=WINDOW, vector=self._query.weights, must=must, limit=limit, without=without)

    def _by_vector(
        self, must: Sequence[Condition], limit: int, without: Collection[UUID] = ()
    ) -> Iterator[VectorSearch]:
        if self._query.dense is not None and limit:
            yield VectorSearch(using=DENSE, vector=self._query.dense, must=must, limit=limit, without=without)
