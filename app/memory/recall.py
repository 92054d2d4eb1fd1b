"""Gathers a context about a question: the best memories with what was said around them, within a token budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.memory.budget import json_tokens, tokens
from app.memory.ports import Domain
from app.memory.requests import Recall
from app.memory.search import find
from app.memory.types import Filter, Found, Memory, Recalled, RecallMode, Scope


@dataclass(frozen=True, slots=True)
class _Mode:
    """What a mode takes: how many memories, from which share of the best score on, with how many neighbours."""

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

_LEFT_OUT_TOKENS = 40  # kept free for the line that says what was left out
_FRAME_TOKENS = 40  # of a reply, without context and sources
_SOURCE_TOKENS = 75  # id, dates and field names of one source, without its names


async def recall(domain: Domain, scope: Scope, request: Recall) -> Recalled:
    """Return a context of at most `max_tokens`: chosen by rank, told in the order things happened.

    Context and sources together fit into the reply's budget as well.
    """
    mode = _MODES[request.mode]
    budget = request.max_tokens or mode.default_tokens
    where = Filter(projects=None if request.project is None else (request.project,))
    found = await find(domain, scope, request.query, where, mode.limit)
    wanted = _clear_enough(found.results, mode)
    around = (
        await domain.store.neighbours(scope, [one.memory.id for one in wanted], mode.before, mode.after)
        if mode.before or mode.after
        else {}
    )
    reply = domain.settings.reply_tokens - _FRAME_TOKENS
    chosen = _choose(wanted, around, budget - _LEFT_OUT_TOKENS, reply - _LEFT_OUT_TOKENS)
    left_out = sum(1 for one in wanted if one.memory.id not in chosen)
    context = _tell(chosen.values())
    if left_out:
        context += f"\n\n({left_out} more found and left out; a higher max_tokens shows them)"
    return Recalled(
        context=context,
        sources=tuple(chosen.values()),
        tokens=tokens(context) if context else 0,
        left_out=left_out,
        degraded=found.degraded,
    )


def _clear_enough(found: Iterable[Found], mode: _Mode) -> list[Found]:
    results = list(found)
    least = mode.least_share * results[0].score if results else 0.0
    return [one for one in results if one.score >= least]


def _choose(wanted: list[Found], around: dict[UUID, list[Memory]], budget: int, reply: int) -> dict[UUID, Memory]:
    """Take memories in order of rank, each with its neighbours where they fit too, until nothing fits."""
    chosen: dict[UUID, Memory] = {}
    headings: set[str] = set()

    def take(memories: Iterable[Memory]) -> bool:
        nonlocal budget, reply
        new = [memory for memory in memories if memory.id not in chosen]
        heads = {_heading(memory) for memory in new} - headings
        cost = sum(tokens(_line(memory)) for memory in new) + sum(tokens(head) + 2 for head in heads)
        replied = sum(json_tokens(_line(memory)) + _source_tokens(memory) for memory in new)
        replied += sum(json_tokens(head) + 2 for head in heads)
        if cost > budget or replied > reply:
            return False
        budget -= cost
        reply -= replied
        headings.update(heads)
        chosen.update((memory.id, memory) for memory in new)
        return True

    for one in wanted:
        if not take(around.get(one.memory.id) or [one.memory]):
            take([one.memory])
    return chosen


def _source_tokens(memory: Memory) -> int:
    return _SOURCE_TOKENS + json_tokens(memory.project) + json_tokens(memory.conversation_id)


def _tell(memories: Iterable[Memory]) -> str:
    """Write memories under the heading of their conversation or project, the earliest first."""
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
