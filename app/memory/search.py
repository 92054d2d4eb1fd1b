"""Finds memories: the index proposes candidates, ranking orders them, the store returns the texts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from app.errors import IndexUnavailable
from app.memory.analysis import Question, analyse_question
from app.memory.bm25 import query_weights, share_scale, speaker_terms, window_vector
from app.memory.ports import CandidateQuery, Domain
from app.memory.ranking import Scored, rank
from app.memory.requests import Search, SearchAcrossProjects
from app.memory.types import Candidate, Corpus, Filter, Order, Scope, SearchHit, SearchResult

CANDIDATES = 100  # on LoCoMo, 50 lose 0.009 of R@10 and more than 100 gain nothing
MATCHES = 2_000  # rows examined when the index does not answer


async def search(domain: Domain, scope: Scope, request: Search) -> SearchResult:
    """Find the memories that answer a question, best first."""
    where = Filter(
        projects=None if request.project is None else (request.project,),
        kinds=tuple(request.kinds) if request.kinds else None,  # models send an empty list to mean no limit
        tags=tuple(request.tags) if request.tags else None,
        role=request.role,
        conversation_id=request.conversation_id,
        since=request.since,
        until=request.until,
    )
    return await find(domain, scope, request.query, where, request.limit)


async def search_across_projects(domain: Domain, scope: Scope, request: SearchAcrossProjects) -> SearchResult:
    """Find memories in several projects, ranked together and returned in the requested order."""
    where = Filter(projects=None if request.projects is None else tuple(request.projects))
    result = await find(domain, scope, request.query, where, request.limit)
    hits = list(result.results)
    if request.order is Order.TIME:
        hits.sort(key=lambda hit: hit.memory.at, reverse=True)
    elif request.order is Order.PROJECT:
        hits.sort(key=lambda hit: (hit.memory.project or "", -hit.score))
    return SearchResult(results=tuple(hits), truncated=result.truncated, degraded=result.degraded)


async def find(domain: Domain, scope: Scope, query: str, where: Filter, limit: int) -> SearchResult:
    """Rank everything that passes the filter against a question; `truncated` says whether there were more."""
    question = analyse_question(query)
    corpus, dense = await _corpus_and_vector(domain, scope, query, where, question)
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    degraded = False
    candidates = max(CANDIDATES, 2 * limit)
    try:
        candidate_query = CandidateQuery(user=scope.user, weights=weights, where=where, limit=candidates, dense=dense)
        ranked = await _by_index(domain, scope, question, candidate_query, corpus.speakers)
    except IndexUnavailable:
        ranked = await _by_store(domain, scope, question, weights, where, corpus.speakers, candidates)
        degraded = True
    best = ranked[:limit]
    memories = await domain.store.get(scope, [scored.id for scored in best])
    return SearchResult(
        results=tuple(
            SearchHit(memory=memories[scored.id], score=scored.score) for scored in best if scored.id in memories
        ),
        truncated=len(ranked) > limit,
        degraded=degraded,
    )


async def _corpus_and_vector(
    domain: Domain, scope: Scope, query: str, where: Filter, question: Question
) -> tuple[Corpus, tuple[float, ...] | None]:
    """Return the statistics of the searched projects and, with an embedding model, the question's vector."""
    corpus = domain.store.corpus(scope, where.projects, question.terms)
    if domain.questions is None:
        return await corpus, None
    return await asyncio.gather(corpus, domain.questions.vector(query))


async def _by_index(
    domain: Domain, scope: Scope, question: Question, query: CandidateQuery, speakers: Sequence[str]
) -> list[Scored]:
    view = await domain.index.view(scope.user)
    if not query.weights and query.dense is None:
        return []
    candidates = await view.candidates(query)
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], query.where)
    sessions = {trait.session for trait in traits.values()}
    has_session_scores = sessions and query.weights
    scores = await view.session_scores(scope.user, query.weights, list(sessions)) if has_session_scores else {}
    return rank(question, candidates, traits, scores, speakers, scale=share_scale(query.weights))


async def _by_store(
    domain: Domain,
    scope: Scope,
    question: Question,
    weights: dict[int, float],
    where: Filter,
    speakers: Sequence[str],
    limit: int,
) -> list[Scored]:
    """Rank by each memory's own words alone: only the index has the neighbours' words."""
    matches = await domain.store.match(scope, list(weights), where, MATCHES)
    candidates = [Candidate(id=id_, window_score=_own_score(terms, weights)) for id_, terms in matches]
    candidates.sort(key=lambda candidate: -candidate.window_score)
    del candidates[limit:]
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    return rank(question, candidates, traits, dict[UUID, float](), speakers)


def _own_score(terms: Sequence[int], weights: dict[int, float]) -> float:
    vector = window_vector([Counter(terms)], 0)
    return sum(weight * vector[term] for term, weight in weights.items() if term in vector)
