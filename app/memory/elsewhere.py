"""Merges what another service finds with what is still here, by rank: their scores are not comparable.

Reciprocal rank fusion with k = 60: Cormack, Clarke, Büttcher, "Reciprocal rank fusion outperforms Condorcet and
individual rank learning methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from app.memory.types import FoundElsewhere, Origin, SearchHit, SearchResult

_K = 60


def merged(here: SearchResult, waiting: Collection[UUID], found: FoundElsewhere, limit: int) -> SearchResult:
    """Return the best of both, best first, each with its source; at equal rank the service's comes first.

    waiting: which of the results here are in the outbox.
    """
    hits = [SearchHit(memory=memory, score=_score(rank)) for rank, memory in enumerate(found.memories)]
    for rank, hit in enumerate(here.results):
        source = Origin.OUTBOX if hit.memory.id in waiting else Origin.LOCAL
        hits.append(SearchHit(memory=replace(hit.memory, source=source), score=_score(rank)))
    hits.sort(key=lambda hit: -hit.score)
    return SearchResult(
        results=tuple(hits[:limit]),
        truncated=here.truncated or len(hits) > limit,
        degraded=here.degraded or found.problem is not None,
        reason=found.problem,
    )


def _score(rank: int) -> float:
    """Return the score of a rank, which counts from 0; the first has 1."""
    return (_K + 1) / (_K + 1 + rank)
