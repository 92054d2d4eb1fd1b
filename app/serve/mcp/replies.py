"""Defines the tools' replies: their types, from which output schemas are generated, and how results become replies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    NotRequired,  # pydantic needs these before Python 3.12
)

from typing_extensions import TypedDict

from app.memory.budget import fitting, json_tokens
from app.memory.types import Memory, Recalled, SearchHit, SearchResult, Stats, Use
from app.serve.mcp import explanations

if TYPE_CHECKING:
    from app.memory.types import OutboxDepth

_STATISTICS_FRAME_TOKENS = 200  # for statistics without their projects, with all kinds
_NO_ROOM = "they do not fit; raise max_tokens"
NO_PROJECT = "(none)"  # stands for "no project" where projects are keys


class Memorized(TypedDict):
    """Answer of memorize. updated: the arguments that changed the memory which had the same text already."""

    id: str
    created: bool
    duplicate: bool
    updated: list[str]
    redacted: int


class MemorizedConversation(TypedDict):
    """Answer of memorize_conversation."""

    conversation_id: str
    stored: int
    skipped: int
    redacted: int


class Result(TypedDict):
    """One memory found by a search. source: where it comes from, when another service holds the memories.

    excerpt: the text is the part of a long one that answers, with … where it is cut. uri: the resource with all of it.
    """

    id: str
    text: str
    score: float
    kind: str
    role: str | None
    name: str | None
    project: str | None
    tags: list[str]
    conversation_id: str | None
    message_id: str | None
    created_at: str
    occurred_at: str | None
    excerpt: NotRequired[bool]
    uri: NotRequired[str]
    source: NotRequired[str]


class ExplainedResult(Result):
    """One memory found by search_memory. explanation: of its score, if that was asked for."""

    explanation: NotRequired[explanations.Explanation]


class Results(TypedDict):
    """Answer of search_memory. reason: why it is degraded, where that is not the index.

    explanation: how the question was taken, if that was asked for; unexplained: why there are no explanations.
    """

    results: list[ExplainedResult]
    truncated: bool
    degraded: bool
    reason: NotRequired[str]
    explanation: NotRequired[explanations.QuestionExplanation]
    unexplained: NotRequired[str]


class ResultsByProject(TypedDict):
    """Answer of search_across_projects; by_project counts the results."""

    results: list[Result]
    by_project: dict[str, int]
    truncated: bool
    degraded: bool


class Source(TypedDict):
    """The source of a part of a recalled context. excerpt: the context has the part of its text that answers."""

    id: str
    project: str | None
    conversation_id: str | None
    created_at: str
    occurred_at: str | None
    excerpt: NotRequired[bool]
    source: NotRequired[str]


class Context(TypedDict):
    """Answer of recall_context. reason: why it is degraded, where that is not the index."""

    context: str
    sources: list[Source]
    tokens: int
    left_out: int
    degraded: bool
    reason: NotRequired[str]


class Updated(TypedDict):
    """Answer of update_memory."""

    id: str
    version: int
    redacted: int


class Forgotten(TypedDict):
    """Answer of forget_memory. would_forget: of a dry run, which counts the same and deletes nothing."""

    forgotten: int
    would_forget: NotRequired[int]


class QuotaUse(TypedDict):
    """How much a user stores in all projects, and the limits; 0 means no limit."""

    memories: int
    memories_limit: int
    bytes: int
    bytes_limit: int


class OutboxCounts(TypedDict):
    """What of a user's memories another service does not have yet; refused: what it does not take."""

    waiting: int
    oldest_seconds: float
    refused: int


class Statistics(TypedDict):
    """Answer of memory_stats; `truncated` when only the largest projects fit.

    quota: null when the user has none. outbox: when another service holds the memories.
    """

    memories: int
    by_kind: dict[str, int]
    by_project: dict[str, int]
    conversations: int
    oldest: str | None
    newest: str | None
    bytes: int
    quota: QuotaUse | None
    truncated: bool
    outbox: NotRequired[OutboxCounts]


def result(hit: SearchHit) -> Result:
    """Return one memory as search shows it."""
    memory = hit.memory
    item: Result = {
        "id": str(memory.id),
        "text": memory.text if hit.part is None else hit.part.marked,
        "score": round(hit.score, 4),
        "kind": str(memory.kind),
        "role": memory.role,
        "name": memory.name,
        "project": memory.project,
        "tags": list(memory.tags),
        "conversation_id": memory.conversation_id,
        "message_id": memory.message_id,
        "created_at": memory.created_at.isoformat(),
        "occurred_at": memory.occurred_at.isoformat() if memory.occurred_at is not None else None,
    }
    if hit.part is not None:
        item["excerpt"] = True
        if memory.source is None:  # where memU holds memories, there is no such resource
            item["uri"] = _uri(item["id"])
    if memory.source is not None:
        item["source"] = str(memory.source)
    return item


def _uri(memory_id: str) -> str:
    return f"claude://memory/items/{memory_id}"


def results(search: SearchResult, budget: int) -> Results:
    """Return as many results as fit the budget; `truncated` when any is missing.

    Explanations count. When not even the first result fits with its own, there are none, and the reply says so.
    """
    reply: Results = {"results": [], "truncated": search.truncated, "degraded": search.degraded}
    if search.reason is not None:
        reply["reason"] = search.reason
    unexplained = search.unexplained
    if (explanation := search.explanation) is not None:
        question, hits = explanations.of_question(explanation.question), explanation.hits
        left = budget - json_tokens(question)
        items = ({**result(hit), "explanation": explanations.of_hit(hits[hit.memory.id])} for hit in search.results)
        explained, cut = within(items, left)
        if explained or (left >= 0 and not search.results):
            reply |= {"results": explained, "truncated": cut or search.truncated, "explanation": question}
            return reply
        unexplained = _NO_ROOM
    if unexplained is not None:
        reply["unexplained"] = unexplained
        budget -= json_tokens(unexplained)
    fit, cut = within(map(result, search.results), budget)
    if not fit and search.results:
        fit += shortened(result(search.results[0]), budget)
    reply |= {"results": fit, "truncated": cut or search.truncated}
    return reply


def shortened(item: Result, budget: int) -> list[Result]:
    """Shorten a result that alone exceeds the budget: as much of its text as fits, and where the rest is.

    Without this, one long result would hide all others. Empty when not even its other fields fit.
    """
    pointer = "… [cut]" if "source" in item else f"… [cut; the whole is in {_uri(item['id'])}]"
    text = item["text"]
    while text:
        text = text[: len(text) * 3 // 4]
        short: Result = {**item, "text": text + pointer}
        if json_tokens(short) <= budget:
            return [short]
    return []


def results_by_project(search: SearchResult, budget: int) -> ResultsByProject:
    """Return results of several projects, and the number of results in each."""
    items = [result(hit) for hit in search.results]
    costs = ((item, json_tokens(item) + json_tokens({item["project"] or NO_PROJECT: 100})) for item in items)
    fit, cut = fitting(costs, budget)
    if not fit and items:
        fit = shortened(items[0], budget - json_tokens({items[0]["project"] or NO_PROJECT: 100}))
    by_project = Counter(item["project"] or NO_PROJECT for item in fit)
    return {
        "results": fit,
        "by_project": dict(by_project),
        "truncated": cut or search.truncated,
        "degraded": search.degraded,
    }


def within(items: Iterable[Any], budget: int) -> tuple[list[Any], bool]:
    """Return the JSON items that fit the budget, and whether any was left out."""
    return fitting(((item, json_tokens(item)) for item in items), budget)


def context(recalled: Recalled) -> Context:
    """Return a recalled context with its sources."""
    reply: Context = {
        "context": recalled.context,
        "sources": [source(memory, in_part=memory.id in recalled.in_part) for memory in recalled.sources],
        "tokens": recalled.tokens,
        "left_out": recalled.left_out,
        "degraded": recalled.degraded,
    }
    if recalled.reason is not None:
        reply["reason"] = recalled.reason
    return reply


def source(memory: Memory, *, in_part: bool) -> Source:
    """Return a memory as a source of a recalled context. in_part: whether the context has a part of its text."""
    item: Source = {
        "id": str(memory.id),
        "project": memory.project,
        "conversation_id": memory.conversation_id,
        "created_at": memory.created_at.isoformat(),
        "occurred_at": memory.occurred_at.isoformat() if memory.occurred_at is not None else None,
    }
    if in_part:
        item["excerpt"] = True
    if memory.source is not None:
        item["source"] = str(memory.source)
    return item


def statistics(stats: Stats, budget: int) -> Statistics:
    """Return counts of memories."""
    by_project, cut = largest(stats.by_project, budget - _STATISTICS_FRAME_TOKENS)
    return {
        "memories": stats.memories,
        "by_kind": stats.by_kind,
        "by_project": by_project,
        "conversations": stats.conversations,
        "oldest": stats.oldest.isoformat() if stats.oldest is not None else None,
        "newest": stats.newest.isoformat() if stats.newest is not None else None,
        "bytes": stats.bytes,
        "quota": _quota(stats.use),
        "truncated": cut,
    }


def outbox_counts(depth: OutboxDepth) -> OutboxCounts:
    """Return how much waits in the outbox."""
    return {"waiting": depth.waiting, "oldest_seconds": round(depth.oldest_s, 1), "refused": depth.refused}


def _quota(use: Use) -> QuotaUse | None:
    if not use.quota.memories and not use.quota.bytes:
        return None
    return {
        "memories": use.memories,
        "memories_limit": use.quota.memories,
        "bytes": use.bytes,
        "bytes_limit": use.quota.bytes,
    }


def largest(by_project: Mapping[str, int], budget: int) -> tuple[dict[str, int], bool]:
    """Return the projects with the most memories that fit, sorted by name, and whether any was left out."""
    names = sorted(by_project, key=lambda name: (-by_project[name], name))
    fit, cut = within(({name or NO_PROJECT: by_project[name]} for name in names), budget)
    return dict(sorted((name, count) for item in fit for name, count in item.items())), cut


def compact(value: Any) -> str:
    """Return JSON without spaces and without escaping other scripts, for a model to read."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
