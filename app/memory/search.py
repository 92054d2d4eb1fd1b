"""Finds memories: the index proposes, the ranking decides, the store gives the texts."""

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
from app.memory.types import Candidate, Corpus, Filter, Found, Order, Scope, SearchResult

CANDIDATES = 100  # on LoCoMo 50 cost 0.009 of R@10, more than 100 bring nothing
MATCHES = 2_000  # rows looked at when the index is away


async def search(domain: Domain, scope: Scope, request: Search) -> SearchResult:
    """Find the memories that answer a question, best first."""
    where = Filter(
        projects=None if request.project is None else (request.project,),
        kinds=tuple(request.kinds) if request.kinds else None,  # models send empty lists for no limit
        tags=tuple(request.tags) if request.tags else None,
        role=request.role,
        conversation_id=request.conversation_id,
        since=request.since,
        until=request.until,
    )
    return await find(domain, scope, request.query, where, request.limit)


async def search_across_projects(domain: Domain, scope: Scope, request: SearchAcrossProjects) -> SearchResult:
    """Find memories in several projects, ranked as one and put in the order asked for."""
    where = Filter(projects=None if request.projects is None else tuple(request.projects))
    found = await find(domain, scope, request.query, where, request.limit)
    results = list(found.results)
    if request.order is Order.TIME:
        results.sort(key=lambda one: one.memory.at, reverse=True)
    elif request.order is Order.PROJECT:
        results.sort(key=lambda one: (one.memory.project or "", -one.score))
    return SearchResult(results=tuple(results), truncated=found.truncated, degraded=found.degraded)


async def find(domain: Domain, scope: Scope, query: str, where: Filter, limit: int) -> SearchResult:
    """Rank everything that passes the filter against a question; `truncated` says whether there was more."""
    question = analyse_question(query)
    corpus, dense = await _known(domain, scope, query, where, question)
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    degraded = False
    wanted = max(CANDIDATES, 2 * limit)
    try:
        asked = CandidateQuery(user=scope.user, weights=weights, where=where, limit=wanted, dense=dense)
        ranked = await _by_index(domain, scope, question, asked, corpus.speakers)
    except IndexUnavailable:
        ranked = await _by_store(domain, scope, question, weights, where, corpus.speakers, wanted)
        degraded = True
    best = ranked[:limit]
    memories = await domain.store.get(scope, [one.id for one in best])
    return SearchResult(
        results=tuple(Found(memory=memories[one.id], score=one.score) for one in best if one.id in memories),
        truncated=len(ranked) > limit,
        degraded=degraded,
    )


async def _known(
    domain: Domain, scope: Scope, query: str, where: Filter, question: Question
) -> tuple[Corpus, tuple[float, ...] | None]:
    """Return what is known of the searched projects and, with an embedding model, the question's vector."""
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
    asked = sessions and query.weights
    scores = await view.session_scores(scope.user, query.weights, list(sessions)) if asked else {}
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
    """Rank by the memories' own words: what can be told without the index, which knows the neighbours."""
    matches = await domain.store.match(scope, list(weights), where, MATCHES)
    candidates = [Candidate(id=id_, window_score=_own_score(terms, weights)) for id_, terms in matches]
    candidates.sort(key=lambda candidate: -candidate.window_score)
    del candidates[limit:]
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    return rank(question, candidates, traits, dict[UUID, float](), speakers)


def _own_score(terms: Sequence[int], weights: dict[int, float]) -> float:
    vector = window_vector([Counter(terms)], 0)
    return sum(weight * vector[term] for term, weight in weights.items() if term in vector)
