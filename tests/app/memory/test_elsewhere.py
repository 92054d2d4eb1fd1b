"""What another service finds and what is still here, as one list."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.memory.elsewhere import merged
from app.memory.types import FoundElsewhere, Kind, Memory, Origin, SearchHit, SearchResult


def memory(text: str, source: Origin | None = None) -> Memory:
    now = datetime.now(UTC)
    return Memory(
        id=uuid4(), version=1, text=text, kind=Kind.NOTE, project=None, tags=(), metadata={}, role=None, name=None,
        conversation_id=None, message_id=None, position=None, created_at=now, updated_at=now, occurred_at=None,
        expires_at=None, archived_at=None, source=source,
    )  # fmt: skip


def here(*texts: str, truncated: bool = False, degraded: bool = False) -> SearchResult:
    hits = tuple(SearchHit(memory=memory(text), score=10.0 - at) for at, text in enumerate(texts))
    return SearchResult(results=hits, truncated=truncated, degraded=degraded)


def there(*texts: str) -> FoundElsewhere:
    return FoundElsewhere(memories=tuple(memory(text, Origin.MEMU) for text in texts))


def texts(result: SearchResult) -> list[str]:
    return [hit.memory.text for hit in result.results]


def test_the_two_lists_are_merged_by_rank_and_the_service_goes_first() -> None:
    assert texts(merged(here("a", "b", "c"), (), there("1", "2"), 10)) == ["1", "a", "2", "b", "c"]


def test_scores_begin_at_one_and_fall() -> None:
    scores = [hit.score for hit in merged(here("a", "b"), (), there("1", "2"), 10).results]

    assert scores[:2] == [1.0, 1.0]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0.9


def test_each_result_says_where_it_comes_from() -> None:
    found = here("waits", "kept")
    waiting: set[UUID] = {found.results[0].memory.id}

    result = merged(found, waiting, there("theirs"), 10)

    assert {hit.memory.text: hit.memory.source for hit in result.results} == {
        "theirs": Origin.MEMU,
        "waits": Origin.OUTBOX,
        "kept": Origin.LOCAL,
    }


def test_what_does_not_fit_the_limit_is_reported() -> None:
    assert merged(here("a"), (), there("1"), 2).truncated is False
    assert merged(here("a"), (), there("1"), 1).truncated is True
    assert merged(here("a", truncated=True), (), there("1"), 5).truncated is True


def test_a_service_that_cannot_be_asked_makes_the_answer_degraded_and_says_why() -> None:
    result = merged(here("a"), (), FoundElsewhere(problem="memU did not answer"), 10)

    assert (texts(result), result.degraded, result.reason) == (["a"], True, "memU did not answer")


def test_an_index_that_does_not_answer_makes_it_degraded_too() -> None:
    result = merged(here("a", degraded=True), (), there("1"), 10)

    assert (result.degraded, result.reason) == (True, None)
