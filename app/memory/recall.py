"""Gathers a context about a question: the best memories and the turns around them, within a token budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.memory.budget import json_tokens, tokens
from app.memory.ports import Domain
from app.memory.requests import Recall
from app.memory.search import find
from app.memory.types import Filter, Memory, Recalled, RecallMode, Scope, SearchHit


@dataclass(frozen=True, slots=True)
class _Mode:
    """The limits of a mode: how many memories, at least what share of the best score, and how many neighbours."""

    limit: int
    least_share: float
    before: int
    after: int
    default_tokens: int


_MODES = {
    RecallMode.CONSERVATIVE: _Mode(limit=8, least_share=0.6, before=0, after=0, default_tokens=1_000),
    RecallMode.BALANCED: _Mode(limit=20, least_share=0.35, before=1, after=0, default_tokens=2_000),
    RecallMode.COMPREHENSIVE: _Mode(limit=60, least_share=0.0, before=1, after=1, default_tokens=4_000),
}

_LEFT_OUT_TOKENS = 40  # reserved for the line that says how many memories were left out
_FRAME_TOKENS = 40  # a reply without its context and sources
_SOURCE_TOKENS = 75  # id, dates and field names of one source, without its project and conversation


async def recall(domain: Domain, scope: Scope, request: Recall) -> Recalled:
    """Return a context of at most `max_tokens`: memories chosen by rank, in the order things happened.

    Context and sources together also fit the reply's budget.
    """
    mode = _MODES[request.mode]
    budget = request.max_tokens or mode.default_tokens
    where = Filter(projects=None if request.project is None else (request.project,))
    result = await find(domain, scope, request.query, where, mode.limit)
    hits = _clear_enough(result.results, mode)
    around = (
        await domain.store.neighbours(scope, [hit.memory.id for hit in hits], mode.before, mode.after)
        if mode.before or mode.after
        else {}
    )
    reply = domain.settings.reply_tokens - _FRAME_TOKENS
    chosen = _choose(hits, around, budget - _LEFT_OUT_TOKENS, reply - _LEFT_OUT_TOKENS)
    left_out = sum(1 for hit in hits if hit.memory.id not in chosen)
    context = _context(chosen.values())
    if left_out:
        context += f"\n\n({left_out} more found but left out; a higher max_tokens includes them)"
    return Recalled(
        context=context,
        sources=tuple(chosen.values()),
        tokens=tokens(context) if context else 0,
        left_out=left_out,
        degraded=result.degraded,
    )


def _clear_enough(results: Sequence[SearchHit], mode: _Mode) -> list[SearchHit]:
    least = mode.least_share * results[0].score if results else 0.0
    return [hit for hit in results if hit.score >= least]


def _choose(hits: list[SearchHit], around: dict[UUID, list[Memory]], budget: int, reply: int) -> dict[UUID, Memory]:
    """Choose memories in order of rank, each with its neighbours if they fit too."""
    chosen: dict[UUID, Memory] = {}
    headings: set[str] = set()

    def add_if_fits(memories: Iterable[Memory]) -> bool:
        nonlocal budget, reply
        new = [memory for memory in memories if memory.id not in chosen]
        heads = {_heading(memory) for memory in new} - headings
        cost = sum(tokens(_line(memory)) for memory in new) + sum(tokens(head) + 2 for head in heads)
        reply_cost = sum(json_tokens(_line(memory)) + _source_tokens(memory) for memory in new)
        reply_cost += sum(json_tokens(head) + 2 for head in heads)
        if cost > budget or reply_cost > reply:
            return False
        budget -= cost
        reply -= reply_cost
        headings.update(heads)
        chosen.update((memory.id, memory) for memory in new)
        return True

    for hit in hits:
        if not add_if_fits(around.get(hit.memory.id) or [hit.memory]):
            add_if_fits([hit.memory])
    return chosen


def _source_tokens(memory: Memory) -> int:
    return _SOURCE_TOKENS + json_tokens(memory.project) + json_tokens(memory.conversation_id)


def _context(memories: Iterable[Memory]) -> str:
    """Return memories as text, grouped under the heading of their conversation or project, earliest first."""
    ordered = sorted(memories, key=lambda memory: (memory.at, memory.position or 0))
    groups: dict[str, list[Memory]] = {}
    for memory in ordered:
        groups.setdefault(_heading(memory), []).append(memory)
    for members in groups.values():
        members.sort(key=lambda memory: (memory.position if memory.position is not None else 0, memory.at))
    return "\n\n".join("\n".join([heading, *map(_line, members)]) for heading, members in groups.items())


def _heading(memory: Memory) -> str:
    project = f" (project {memory.project})" if memory.project else ""
    if memory.conversation_id is not None:
        return f"## Conversation {memory.conversation_id}{project}"
    return f"## Notes{project}"


def _line(memory: Memory) -> str:
    day = f"{memory.at:%Y-%m-%d}"
    if memory.conversation_id is not None:
        return f"- [{day}] {memory.name or memory.role}: {memory.text}"
    return f"- [{day}, {memory.kind}] {memory.text}"
