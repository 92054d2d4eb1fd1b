"""Gathers a context about a question, within a token budget: the best memories, then the turns around them.

Of a long text it tells the part that answers. So a budget holds as many memories as it can, and neighbours have what
is left: on LoCoMo, a turn that ranks lower answers more often than the neighbour of a better one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.memory.analysis import analyse_question
from app.memory.budget import json_tokens, tokens
from app.memory.off_loop import run_off_loop_if_long
from app.memory.ports import Domain
from app.memory.requests import Recall
from app.memory.search import find
from app.memory.types import Filter, Memory, Part, Recalled, RecallMode, Scope, SearchHit


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
    RecallMode.BALANCED: _Mode(limit=60, least_share=0.2, before=1, after=0, default_tokens=2_000),
    RecallMode.COMPREHENSIVE: _Mode(limit=60, least_share=0.0, before=1, after=1, default_tokens=4_000),
}

_LEFT_OUT_TOKENS = 40  # reserved for the line that says how many memories were left out
_FRAME_TOKENS = 40  # a reply without its context and sources
_LEAST_TOKENS = 40  # of room, below which nothing is looked for that fits
_SOURCE_TOKENS = 80  # id, dates and field names of one source, without its project and conversation


class _Told(NamedTuple):
    """A memory as the context tells it, and under which heading. part: of its text; None: all of it."""

    memory: Memory
    part: Part | None
    heading: str

    @property
    def line(self) -> str:
        """The line of the context."""
        memory, text = self.memory, self.memory.text if self.part is None else self.part.marked
        day = f"{memory.at:%Y-%m-%d}"
        if memory.conversation_id is not None:
            return f"- [{day}] {memory.name or memory.role}: {text}"
        return f"- [{day}, {memory.kind}] {text}"


async def recall(domain: Domain, scope: Scope, request: Recall) -> Recalled:
    """Return a context of at most `max_tokens`: memories chosen by rank, in the order things happened.

    Context and sources together also fit the reply's budget.
    """
    async with domain.searching.turn(scope.user):
        return await _recall(domain, scope, request)


async def _recall(domain: Domain, scope: Scope, request: Recall) -> Recalled:
    mode = _MODES[request.mode]
    budget = request.max_tokens or mode.default_tokens
    where = Filter(projects=None if request.project is None else (request.project,))
    result = await find(domain, scope, request.query, where, mode.limit)
    hits = [hit.memory for hit in _clear_enough(result.results, mode)]
    room = _Room(request, budget - _LEFT_OUT_TOKENS, domain.settings.reply_tokens - _FRAME_TOKENS)
    await room.fill(hits)
    if room.is_left and hits and (mode.before or mode.after):
        around = await domain.store.neighbours(scope, list(room.chosen), mode.before, mode.after)
        await room.fill([neighbour for id_ in list(room.chosen) for neighbour in around.get(id_, ())])
    left_out = sum(1 for memory in hits if memory.id not in room.chosen)
    context = _context(room.chosen.values())
    if left_out:
        context += f"\n\n({left_out} more found but left out; a higher max_tokens includes them)"
    return Recalled(
        context=context,
        sources=tuple(told.memory for told in room.chosen.values()),
        in_part=frozenset(id_ for id_, told in room.chosen.items() if told.part is not None),
        tokens=tokens(context) if context else 0,
        left_out=left_out,
        degraded=result.degraded,
        reason=result.reason,
    )


def _clear_enough(results: Sequence[SearchHit], mode: _Mode) -> list[SearchHit]:
    least = mode.least_share * results[0].score if results else 0.0
    return [hit for hit in results if hit.score >= least]


class _Room:
    """The memories chosen for a context, and how many tokens the context and the whole reply have left."""

    def __init__(self, request: Recall, context: int, reply: int) -> None:
        self._query, self._project = request.query, request.project
        self._context = context
        self._reply = reply - _LEFT_OUT_TOKENS
        self._headings: set[str] = set()
        self.chosen: dict[UUID, _Told] = {}

    @property
    def is_left(self) -> bool:
        """Whether there is room for another memory."""
        return self._context >= _LEAST_TOKENS

    async def fill(self, memories: Sequence[Memory]) -> None:
        """Choose those that fit, in the given order."""
        characters = len(self._query) + sum(len(memory.text) for memory in memories)
        await run_off_loop_if_long(characters, lambda: self._fill(memories))

    def _fill(self, memories: Sequence[Memory]) -> None:
        from app.memory.excerpts import is_long, part  # takes 5 ms, which a start has no use for

        question = analyse_question(self._query)
        for memory in memories:
            if not self.is_left:
                return
            if memory.id not in self.chosen:
                shown = part(memory.text, question) if is_long(memory.text) else None
                self._add(_Told(memory, shown, _heading(memory, self._project)))

    def _add(self, told: _Told) -> None:
        context, reply = tokens(told.line), json_tokens(told.line) + _source_tokens(told.memory)
        if told.heading not in self._headings:
            context += tokens(told.heading) + 2
            reply += json_tokens(told.heading) + 2
        if context <= self._context and reply <= self._reply:
            self._context -= context
            self._reply -= reply
            self._headings.add(told.heading)
            self.chosen[told.memory.id] = told


def _source_tokens(memory: Memory) -> int:
    return _SOURCE_TOKENS + json_tokens(memory.project) + json_tokens(memory.conversation_id)


def _context(chosen: Iterable[_Told]) -> str:
    """Return memories as text, grouped under the heading of their conversation or project, earliest first."""
    ordered = sorted(chosen, key=lambda told: (told.memory.at, told.memory.position or 0))
    groups: dict[str, list[_Told]] = {}
    for told in ordered:
        groups.setdefault(told.heading, []).append(told)
    for members in groups.values():
        members.sort(key=lambda told: (told.memory.position or 0, told.memory.at))
    return "\n\n".join("\n".join([heading, *(told.line for told in members)]) for heading, members in groups.items())


def _heading(memory: Memory, asked: str | None) -> str:
    """Return the heading of a memory. asked: the project that was asked for, which needs no name."""
    project = f" (project {memory.project})" if memory.project and memory.project != asked else ""
    if memory.conversation_id is not None:
        return f"## Conversation {memory.conversation_id}{project}"
    return f"## Notes{project}"
