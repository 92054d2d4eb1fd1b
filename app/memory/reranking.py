"""Has the best results of a search ordered by a service that reads the question and their texts together.

A result gets the score of its new place, so scores fall with the order, and what is measured by them, such as how many
results a context takes, stays what it was. Services' own numbers have no common scale.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.memory.analysis import Question
from app.memory.budget import tokens
from app.memory.excerpts import PART_TOKENS, part
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import Domain, Reranker
from app.memory.ranking import Scored
from app.memory.types import Memory, Scope

RERANKED = 50
# 50 texts, and the question with each, are at most the 30,000 tokens that gte-rerank-v2 takes in a request.
TEXT_TOKENS, QUESTION_TOKENS = 400, 200
_MORE_TOKENS = 10  # of a long text, for the signs between its beginning and its part
_CHARACTERS_A_TOKEN = 3  # at most, as tokens are estimated


async def reranked(
    domain: Domain, reranker: Reranker, scope: Scope, question: Question, query: str, ranked: Sequence[Scored]
) -> list[Scored]:
    """Return ranked memories in the better order: the best 50 by relevance, those of which it is unknown, the rest.

    Without an answer in time they keep their order. Raises StoreUnavailable.
    """
    best, rest = ranked[:RERANKED], ranked[RERANKED:]
    memories = await domain.store.get(scope, [one.id for one in best])
    there = [one for one in best if one.id in memories]
    if len(there) < 2:
        return list(ranked)
    texts = await _texts([memories[one.id] for one in there], question)
    relevances = await reranker.relevances(_beginning(query, QUESTION_TOKENS), texts)
    if relevances is None:
        return list(ranked)
    places = sorted(relevances, key=lambda place: (-relevances[place], place))
    places += [place for place in range(len(there)) if place not in relevances]
    ordered = [there[place]._replace(score=before.score) for place, before in zip(places, there, strict=True)]
    return [*ordered, *rest]


async def _texts(memories: Sequence[Memory], question: Question) -> list[str]:
    characters = sum(len(memory.text) for memory in memories)
    return await run_off_loop_if_long(characters, lambda: [_text(memory, question) for memory in memories])


def _text(memory: Memory, question: Question) -> str:
    """Return what is sent of a memory: its day, its speaker, its text; of a long one the beginning and what answers."""
    speaker = memory.name or memory.role
    text = f"[{memory.at:%Y-%m-%d}] {f'{speaker}: ' if speaker else ''}{memory.text}"
    if _fits(text, TEXT_TOKENS):
        return text
    beginning = _beginning(text, TEXT_TOKENS - PART_TOKENS - _MORE_TOKENS)
    return f"{beginning}…\n{part(memory.text, question).marked}"


def _beginning(text: str, limit: int) -> str:
    """Return as much of a text as has so many tokens."""
    text = text[: _CHARACTERS_A_TOKEN * limit]
    while (size := tokens(text)) > limit:
        text = text[: len(text) * limit // size]
    return text


def _fits(text: str, limit: int) -> bool:
    return len(text) <= _CHARACTERS_A_TOKEN * limit and tokens(text) <= limit
