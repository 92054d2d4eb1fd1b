"""Finds memories: the index proposes candidates, ranking orders them, the store returns the texts."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from app.errors import IndexUnavailable
from app.memory.analysis import Question, analyse_question
from app.memory.bm25 import query_weights, share_scale, speaker_terms, window_vector
from app.memory.moments import in_zone
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import CandidateQuery, Domain, IndexView
from app.memory.ranking import AS_WRITTEN, IN_ANOTHER_CASE, WORD_BY_WORD, Compared, Ranking, Scored, rank
from app.memory.requests import Search, SearchAcrossProjects
from app.memory.types import Candidate, Corpus, Filter, Memory, Order, Scope, SearchHit, SearchResult, Traits

CANDIDATES = 100  # on LoCoMo, 50 lose 0.009 of R@10 and more than 100 gain nothing
_QUESTION_COST = 5  # it is analysed in more ways than a text
_PHRASE_WORDS = 32  # as far as a question of stop words is looked for as it is written
MATCHES = 2_000  # rows examined when the index does not answer
_RANKED_ELSEWHERE = "memU finds the memories; it tells no parts of a score, and results are merged by their rank"


async def search(domain: Domain, scope: Scope, request: Search) -> SearchResult:
    """Find the memories that answer a question, best first, each long one with the part that answers.

    With `explain`, it explains the scores.
    """
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
    async with domain.searching.turn(scope.user):
        result = await find(domain, scope, request.query, where, request.limit, explain=request.explain)
        return result if request.full_text else await _in_parts(request.query, result)


async def search_across_projects(domain: Domain, scope: Scope, request: SearchAcrossProjects) -> SearchResult:
    """Find memories in several projects, ranked together and returned in the requested order."""
    async with domain.searching.turn(scope.user):
        return await _across_projects(domain, scope, request)


async def _across_projects(domain: Domain, scope: Scope, request: SearchAcrossProjects) -> SearchResult:
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


async def find(
    domain: Domain, scope: Scope, query: str, where: Filter, limit: int, *, explain: bool = False
) -> SearchResult:
    """Find what passes the filter: here and, where another service holds the memories, there too.

    `truncated` says whether there were more. explain: explain the scores, or say why they cannot be.
    """
    if domain.elsewhere is None or where.archived:
        return await _find_here(domain, scope, query, where, limit, explain=explain)
    from app.memory.elsewhere import merged

    here, found = await asyncio.gather(
        _find_here(domain, scope, query, where, limit), domain.elsewhere.search.find(scope, query, limit)
    )
    waiting = await domain.elsewhere.outbox.waiting_ids([hit.memory.id for hit in here.results])
    result = merged(here, waiting, found, limit)
    return replace(result, unexplained=_RANKED_ELSEWHERE) if explain else result


async def _find_here(
    domain: Domain, scope: Scope, query: str, where: Filter, limit: int, *, explain: bool = False
) -> SearchResult:
    """Rank everything stored here that passes the filter against a question."""
    question = await run_off_loop_if_long(_QUESTION_COST * len(query), lambda: analyse_question(query))
    ranking, degraded = await _ranking(domain, scope, question, query, where, max(CANDIDATES, 2 * limit))
    ranking = await _reranked(domain, scope, query, ranking)
    memories = await _first_of(domain, scope, ranking.scored, limit)
    result = SearchResult(
        results=tuple(
            SearchHit(memory=memories[one.id], score=one.score) for one in ranking.scored if one.id in memories
        ),
        truncated=len(ranking.scored) > limit,
        degraded=degraded,
    )
    if not explain:
        return result
    from app.memory.explaining import explain as explain_ranking  # seldom asked for

    explanation = await explain_ranking(domain.store, scope, query, ranking, [hit.memory.id for hit in result.results])
    return replace(result, explanation=explanation)


async def _ranking(
    domain: Domain, scope: Scope, question: Question, query: str, where: Filter, limit: int
) -> tuple[Ranking, bool]:
    """Return the ranking, and whether the index did not answer."""
    if question.stop_words:
        ranking = await _by_stop_words(domain, scope, question, query, where)
        if ranking.scored:
            return ranking, False
    if where.archived:  # no index holds them
        return await _by_store(domain, scope, question, where, limit), False
    try:
        return await _by_index(domain, scope, question, query, where, limit), False
    except IndexUnavailable:
        return await _by_store(domain, scope, question, where, limit), True


async def _reranked(domain: Domain, scope: Scope, query: str, ranking: Ranking) -> Ranking:
    if domain.reranker is None or len(ranking.scored) < 2:
        return ranking
    from app.memory.reranking import reranked  # for servers with a rerank model alone

    scored = await reranked(domain, domain.reranker, scope, ranking.question, query, ranking.scored)
    return replace(ranking, scored=scored, without_model=ranking.scored)


async def _first_of(domain: Domain, scope: Scope, ranked: Sequence[Scored], limit: int) -> dict[UUID, Memory]:
    """Return the first `limit` memories that there are: some may be deleted by now, or have expired."""
    found: dict[UUID, Memory] = {}
    first = 0
    while len(found) < limit and first < len(ranked):
        some = ranked[first : first + limit - len(found)]
        first += len(some)
        found |= await domain.store.get(scope, [scored.id for scored in some])
    return found


async def _by_index(domain: Domain, scope: Scope, question: Question, query: str, where: Filter, limit: int) -> Ranking:
    view, dense = await _view_and_vector(domain, scope, query)
    terms = [*question.terms, *question.earlier]
    corpus = await view.corpus(scope.user, where.projects, terms)
    if corpus is None:
        corpus = await domain.store.corpus(scope, where.projects, terms)
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    if not weights and dense is None:
        return Ranking(scored=(), question=question, compared=Compared.INDEX, corpus=corpus)
    candidates = await view.candidates(
        CandidateQuery(user=scope.user, weights=weights, where=where, limit=limit, dense=dense)
    )
    traits: Mapping[UUID, Traits] = {}
    if without := [c.id for c in candidates if c.traits is None]:  # an index of an earlier version has none
        traits = await domain.store.traits(scope, without, where)
    return _ranked(domain, Compared.INDEX, question, corpus, candidates, traits, weights, share_scale(weights))


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
) -> Ranking:
    """Rank by each memory's own words alone: only the index has the neighbours' words."""
    corpus = await domain.store.corpus(scope, where.projects, [*question.terms, *question.earlier])
    weights = query_weights(question, corpus, speaker_terms(corpus.speakers))
    matches = await domain.store.match(scope, list(weights), where, MATCHES)
    candidates = [Candidate(id=id_, window_score=_own_score(terms, weights)) for id_, terms in matches]
    candidates.sort(key=lambda candidate: -candidate.window_score)
    del candidates[limit:]
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    return _ranked(domain, Compared.OWN_WORDS, question, corpus, candidates, traits, weights)


async def _by_stop_words(domain: Domain, scope: Scope, question: Question, query: str, where: Filter) -> Ranking:
    """Rank the texts that hold all words of a question of stop words, which the index does not have.

    First those that hold it as it is written (IT, The Who), then in another case, then those that hold its words.
    """
    written = re.findall(r"\w+", query)[:_PHRASE_WORDS]
    found = await domain.store.match_words(scope, sorted(set(question.stop_words)), written, where, MATCHES)
    phrase = r"\b" + r"\W+".join(map(re.escape, written)) + r"\b"
    as_written, in_any_case = re.compile(phrase), re.compile(phrase, re.IGNORECASE)

    def score(text: str) -> float:
        return AS_WRITTEN if as_written.search(text) else IN_ANOTHER_CASE if in_any_case.search(text) else WORD_BY_WORD

    candidates = await run_off_loop_if_long(
        sum(len(text) for _, text in found),
        lambda: [Candidate(id=id_, window_score=score(text)) for id_, text in found],
    )
    traits = await domain.store.traits(scope, [candidate.id for candidate in candidates], where)
    corpus = await domain.store.corpus(scope, where.projects, [])
    return _ranked(domain, Compared.TEXT, question, corpus, candidates, traits)


def _ranked(
    domain: Domain,
    compared: Compared,
    question: Question,
    corpus: Corpus,
    candidates: Sequence[Candidate],
    traits: Mapping[UUID, Traits],
    weights: Mapping[int, float] | None = None,
    scale: float | None = None,
) -> Ranking:
    """Rank candidates, and keep what an explanation needs."""
    scored = rank(question, candidates, traits, corpus.speakers, scale=scale, zone=domain.settings.zone)
    return Ranking(
        scored=scored,
        question=question,
        compared=compared,
        corpus=corpus,
        candidates=candidates,
        traits=traits,
        weights=weights or {},
        scale=scale,
    )


def _own_score(terms: Sequence[int], weights: dict[int, float]) -> float:
    vector = window_vector([Counter(terms)], [False], 0)
    return sum(weight * vector[term] for term, weight in weights.items() if term in vector)
