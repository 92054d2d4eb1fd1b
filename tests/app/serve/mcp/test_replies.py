"""Replies stay within their budget, and one memory that is too long for it hides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.memory.budget import json_tokens
from app.memory.explained import AskedWord, Explanation, HitExplained, MatchedWord, QuestionExplained
from app.memory.types import Kind, Memory, Origin, Part, SearchHit, SearchResult
from app.serve.mcp import replies
from app.serve.mcp.explanations import Parts

PARTS = list(Parts.__annotations__)


def found(*texts: str) -> SearchResult:
    at = datetime(2026, 5, 8, tzinfo=UTC)
    memories = [
        Memory(
            id=UUID(int=number),
            version=1,
            text=text,
            kind=Kind.NOTE,
            project="web",
            tags=(),
            metadata={},
            role=None,
            name=None,
            conversation_id=None,
            message_id=None,
            position=None,
            created_at=at,
            updated_at=at,
            occurred_at=None,
            expires_at=None,
            archived_at=None,
        )
        for number, text in enumerate(texts)
    ]
    results = tuple(SearchHit(memory=memory, score=1.0) for memory in memories)
    return SearchResult(results=results, truncated=False, degraded=False)


@pytest.mark.parametrize("text", ["word " * 2_000, "记" * 8_000], ids=["English", "Chinese"])
@pytest.mark.parametrize("shape", [replies.results, replies.results_by_project])
def test_a_memory_over_the_budget_is_shortened_and_says_where_the_rest_is(shape: Callable[..., Any], text: str) -> None:
    reply = shape(found(text, "short"), 1_000)

    [only] = reply["results"]
    assert only["text"].startswith(text[:100])
    assert only["text"].endswith(f"[cut; the whole is in claude://memory/items/{UUID(int=0)}]")
    assert reply["truncated"]
    assert json_tokens(only) <= 1_000


def test_a_budget_without_room_for_any_result_gives_none_and_says_so() -> None:
    assert replies.results(found("word"), 10) == {"results": [], "truncated": True, "degraded": False}


def explained(result: SearchResult, words: int = 1) -> SearchResult:
    """Return a result with explanations, each of so many words."""
    question = QuestionExplained(
        compared="index",
        words=tuple(AskedWord(f"w{number}", 1.0, 1, in_a_name=False) for number in range(words)),
        memories=1,
        asks_when=False,
        date=None,
        speakers=(),
        vectors=False,
        divisor=1.0,
    )
    hit = HitExplained(
        parts=dict.fromkeys(PARTS, 0.1),
        word_score=float(words),
        words=tuple(MatchedWord(f"w{number}", 1.0, 1.0, in_memory=True) for number in range(words)),
        neighbours=(),
        written=None,
        cosine=None,
        similarity=None,
        changed=False,
    )
    return replace(result, explanation=Explanation(question, {one.memory.id: hit for one in result.results}))


@pytest.mark.parametrize("words", [1, 40])
@pytest.mark.parametrize("budget", [60, 200, 400, 800, 1_600])
def test_explanations_count_and_give_way_where_they_leave_no_room(budget: int, words: int) -> None:
    reply = replies.results(explained(found("one " * 20, "two " * 20, "three " * 20), words), budget)

    assert json_tokens(reply) <= budget + 40
    assert ("explanation" in reply) != ("unexplained" in reply)
    assert all(("explanation" in one) == ("explanation" in reply) for one in reply["results"])
    assert bool(reply["results"]) == (budget > 60)
    assert reply["truncated"] or len(reply["results"]) == 3


def test_a_question_that_found_nothing_is_explained_if_that_fits() -> None:
    nothing = explained(found(), words=40)

    assert replies.results(nothing, 2_000)["explanation"]["more_words"] == 10
    assert "unexplained" in replies.results(nothing, 100)


def test_results_that_fit_are_whole() -> None:
    reply = replies.results(found("one", "two"), 1_000)

    assert [one["text"] for one in reply["results"]] == ["one", "two"]
    assert not reply["truncated"]


def test_a_part_of_a_long_text_says_that_it_is_one_and_where_the_whole_is() -> None:
    [hit] = found("one two three").results

    item = replies.result(replace(hit, part=Part("two", cut_before=True, cut_after=True)))

    assert (item["text"], item["excerpt"]) == ("…two…", True)
    assert item["uri"] == f"claude://memory/items/{UUID(int=0)}"


@pytest.mark.parametrize("source", Origin)
def test_where_memu_holds_the_memories_no_resource_is_named(source: Origin) -> None:
    [hit] = found("one two " * 500).results
    hit = replace(hit, memory=replace(hit.memory, source=source), part=Part("one", cut_before=False, cut_after=True))

    item = replies.result(hit)
    [cut] = replies.shortened(replies.result(replace(hit, part=None)), 300)

    assert (item["text"], item["source"]) == ("one…", str(source))
    assert "uri" not in item
    assert cut["text"].endswith("… [cut]")
