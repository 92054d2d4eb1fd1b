"""Finds memories: the index proposes candidates, ranking orders them, the store returns the texts."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.errors import IndexUnavailable
from app.memory.analysis import Question, analyse_question
from app.memory.bm25 import query_weights, share_scale, speaker_terms, window_vector
from app.memory.moments import in_zone
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import CandidateQuery, Domain, IndexView
from app.memory.ranking import Scored, rank
from app.memory.requests import Search, SearchAcrossProjects
from app.memory.types import Candidate, Filter, Memory, Order, Scope, SearchHit, SearchResult

CANDIDATES = 100  # on LoCoMo, 50 lose 0.009 of R@10 and more than 100 gain nothing
_QUESTION_COST = 5  # it is analysed in more ways than a text
_PHRASE_WORDS = 32  # as far as a question of stop words is looked for as it is written
MATCHES = 2_000  # rows examined when the index does not answer


async def search(domain: Domain, scope: Scope, request: Search) -> SearchResult:
    """Find the memories that answer a question, best first, each long one with the part that answers."""
    zone = domain.settings.zone
    where = Filter(
        projects=None if request.project is None else (request.project,),
        kinds=tuple(request.kinds) if request.kinds else None,  # models send an empty list to mean no limit
        tags=tuple(request.tags) if request.tags else None,
        role=request.role,
        conversation_id=request.conversation_id,
        since=None if request.since is None else in_zone(request.since, zone),
        until=None if request.until is None else in_zone(request.until, zone),
        archived=request.archived,
    )
    result = await find(domain, scope, request.query, where, request.limit)
    return result if request.full_text else await _in_parts(request.query, result)


async def search_across_projects(domain: Domain, scope: Scope, request: SearchAcrossProjects) -> SearchResult:
    """Find memories in several projects, ranked together and returned in the requested order."""
    where = Filter(projects=None if request.projects is None else tuple(request.projects))
    result = await find(domain, scope, request.query, where, request.limit)
    hits = list(result.results)
    if request.order is Order.TIME:
        hits.sort(key=lambda hit: hit.memory.at, reverse=True)
    elif request.order is Order.PROJECT:
        hits.sort(key=lambda hit: (hit.memory.project or "", -hit.score))
    result = replace(result, results=tuple(hits))
    return result if request.full_text else await _in_parts(request.query, result)


async def _in_parts(query: str, result: SearchResult) -> SearchResult:
    from app.memory.excerpts import in_parts  # takes 5 ms, which a start has no use for

    return await in_parts(query, result)


async def find(domain: Domain, scope: Scope, query: str, where: Filter, limit: int) -> SearchResult:
    """Find what passes the filter: here and, where another service holds the memories, there too.

    `truncated` says whether there were more.
    """
    if domain.elsewhere is None or where.archived:
        return await _find_here(domain, scope, query, where, limit)
    from app.memory.elsewhere import merged

    here, found = await asyncio.gather(
        _find_here(domain, scope, query, where, limit), domain.elsewhere.search.find(scope, query, limit)
    )
    waiting = await domain.elsewhere.outbox.waiting_ids([hit.memory.id for hit in here.results])
    return merged(here, waiting, found, limit)


async def _find_here(domain: Domain, scope: Scope, query: str, where: Filter, limit: int) -> SearchResult:
    """Rank everything stored here that passes the filter against a question."""
    question = await run_off_loop_if_long(_QUESTION_COST * len(query), lambda: analyse_question(query))
    candidates = max(CANDIDATES, 2 * limit)
    ranked: list[Scored] = []
    degraded = False
    if question.stop_words:
        ranked = await _by_stop_words(domain, scope, question, query, where)
    if not ranked and not where.archived:
        try:
            ranked = await _by_index(domain, scope, question, query, where, candidates)
        except IndexUnavailable:
            degraded = True
    if degraded or (where.archived and not ranked):  # no index holds archived memories
        ranked = await _by_store(domain, scope, question, where, candidates)
    ranked = await _reranked(domain, scope, question, query, ranked)
    memories = await _first_of(domain, scope, ranked, limit)
    return SearchResult(
        results=tuple(
            SearchHit(memory=memories[scored.id], score=scored.score) for scored in ranked if scored.id in memories
        ),
        truncated=len(ranked) > limit,
        degraded=degraded,
    )


async def _reranked(domain: Domain, scope: Scope, question: Question, query: str, ranked: list[Scored]) -> list[Scored]:
    if domain.reranker is None or len(ranked) < 2:
        return ranked
    from app.memory.reranking import reranked  # for servers with a rerank model alone

    return await reranked(domain, domain.reranker, scope, question, query, ranked)


async def _first_of(domain: Domain, scope: Scope, ranked: Sequence[Scored], limit: int) -> dict[UUID, Memory]:
    """Return the first `limit` memories that there are: some may be deleted by now, or have expired."""
    found: dict[UUID, Memory] = {}
    first = 0
    while len(found) < limit and first < len(ranked):
        some = ranked[first : first + limit - len(found)]
        first += len(some)
        found |= await domain.store.get(scope, [scored.id for scored in some])
    return found


async def _by_index(
    domain: Domain, scope: Scope, question: Question, query: str, where: Filter, limit: int
) -> list[Scored]:
    view, dense = await _view_and_vector(domain, scope, query)
    terms = [*question.terms, *question.earlier]
    corpus = await view.corpus(scope.user, where.projects, terms)
    if corpus is None:
        corpus = await domain.store.corpus(scope, where.projects, terms)
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    if not weights and dense is None:
        return []
    candidates = await view.candidates(
        CandidateQuery(user=scope.user, weights=weights, where=where, limit=limit, dense=dense)
    )
    traits = {candidate.id: candidate.traits for candidate in candidates if candidate.traits is not None}
    if len(traits) < len(candidates):  # an index of an earlier version has none
        traits |= await domain.store.traits(scope, [c.id for c in candidates if c.traits is None], where)
    scale, zone = share_scale(weights), domain.settings.zone
    return rank(question, candidates, traits, corpus.speakers, scale=scale, zone=zone)


async def _view_and_vector(domain: Domain, scope: Scope, query: str) -> tuple[IndexView, tuple[float, ...] | None]:
    """Return the index as of now and, where there is a model, the question's vector."""
    view = domain.index.view(scope.user)
    if domain.questions is None:
        return await view, None
    return await asyncio.gather(view, domain.questions.vector(query))


async def _by_store(
    domain: Domain,
    scope: Scope,
    question: Question,
    where: Filter,
    limit: int,
) -> list[Scored]:
    """Rank by each memory's own words alone: only the index has the neighbours' words."""
    corpus = await domain.store.corpus(scope, where.projects, [*question.terms, *question.earlier])
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    matches = await domain.store.match(scope, list(weights), where, MATCHES)
    candidates = [Candidate(id=id_, window_score=_own_score(terms, weights)) for id_, terms in matches]
    candidates.sort(key=lambda candidate: -candidate.window_score)
    del candidates[limit:]
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    return rank(question, candidates, traits, corpus.speakers, zone=domain.settings.zone)


async def _by_stop_words(domain: Domain, scope: Scope, question: Question, query: str, where: Filter) -> list[Scored]:
    """Rank the texts that hold all words of a question of stop words, which the index does not have.

    First those that hold it as it is written (IT, The Who), then in another case, then those that hold its words.
    """
    written = re.findall(r"\w+", query)[:_PHRASE_WORDS]
    found = await domain.store.match_words(scope, sorted(set(question.stop_words)), written, where, MATCHES)
    phrase = r"\b" + r"\W+".join(map(re.escape, written)) + r"\b"
    as_written, in_any_case = re.compile(phrase), re.compile(phrase, re.IGNORECASE)

    def score(text: str) -> float:
        return 1.0 if as_written.search(text) else 0.5 if in_any_case.search(text) else 0.25

    candidates = await run_off_loop_if_long(
        sum(len(text) for _, text in found),
        lambda: [Candidate(id=id_, window_score=score(text)) for id_, text in found],
    )
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    speakers = (await domain.store.corpus(scope, where.projects, [])).speakers
    return rank(question, candidates, traits, speakers, zone=domain.settings.zone)


def _own_score(terms: Sequence[int], weights: dict[int, float]) -> float:
    vector = window_vector([Counter(terms)], [False], 0)
    return sum(weight * vector[term] for term, weight in weights.items() if term in vector)
