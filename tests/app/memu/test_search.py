"""Searching memU: its answers as memories, within a second, and few searches that wait for a dead service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from app.errors import MemuKeyRefused, MemuUnavailable
from app.memory.types import Kind, Origin, Scope
from app.memu.search import QUIET_S, MemuSearch, memories_of
from app.memu.service import Category, Found, Item, MemuService

SCOPE = Scope("ann", "cursor")
AT = datetime(2026, 5, 8, tzinfo=UTC)


class Answering:
    """Only `retrieve` of a service. answer: what it gives or raises; None never comes."""

    def __init__(self, answer: Found | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    async def retrieve(self, user: str, agent: str, query: str, limit: int, *, within_s: float) -> Found:
        self.asked.append((user, agent, query, limit))
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def searching(service: Answering, clock: Clock | None = None, within_s: float = 1.0) -> MemuSearch:
    return MemuSearch(cast("MemuService", service), "claude", within_s, clock=clock or Clock())


async def test_the_users_memories_of_the_one_agent_are_asked_for() -> None:
    service = Answering(Found())

    await searching(service).find(SCOPE, "apples?", 7)

    assert service.asked == [("ann", "claude", "apples?", 7)]


async def test_items_come_in_the_services_order_and_subjects_after_them() -> None:
    found = Found(
        items=(Item(id="2", text="second", score=0.1), Item(id="1", text="first", score=0.9)),
        categories=(Category(name="food", summary="likes apples"), Category(name="empty")),
    )

    result = await searching(Answering(found)).find(SCOPE, "q", 10)

    assert [memory.text for memory in result.memories] == ["second", "first", "food: likes apples"]
    assert {memory.source for memory in result.memories} == {Origin.MEMU}
    assert result.problem is None


async def test_no_more_than_asked_for_come_back() -> None:
    found = Found(items=tuple(Item(id=str(at), text=str(at)) for at in range(9)))

    assert len((await searching(Answering(found)).find(SCOPE, "q", 4)).memories) == 4


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("profile", Kind.FACT),
        ("Event", Kind.FACT),
        ("behavior", Kind.PREFERENCE),
        ("skill", Kind.NOTE),
        (None, Kind.NOTE),
    ],
)
def test_kinds_of_memu_become_ours(theirs: str | None, ours: Kind) -> None:
    [memory] = memories_of(Found(items=(Item(id="1", text="t", kind=theirs),)))

    assert memory.kind is ours


def test_times_are_kept_and_an_id_that_is_none_of_ours_is_always_the_same() -> None:
    known = "0198a6a0-0000-7000-8000-000000000001"
    found = Found(items=(Item(id=known, text="a", created_at=AT, occurred_at=AT), Item(id="mem_1", text="b")))

    first, second = memories_of(found)

    assert (first.id, first.created_at, first.occurred_at) == (UUID(known), AT, AT)
    assert second.id == memories_of(found)[1].id


@pytest.mark.parametrize("error", [MemuUnavailable("it is busy"), MemuKeyRefused("the key is refused")])
async def test_a_failure_is_a_problem_and_no_error(error: Exception) -> None:
    result = await searching(Answering(error)).find(SCOPE, "q", 10)

    assert (result.memories, result.problem) == ((), str(error))


async def test_a_service_that_hangs_is_given_up_in_time_and_then_left_alone_for_a_while() -> None:
    service, clock = Answering(None), Clock()
    search = searching(service, clock, within_s=0.05)

    first = await search.find(SCOPE, "q", 10)
    second = await search.find(SCOPE, "q", 10)

    assert first.problem == second.problem == "memU did not answer within 0.05 s (MEMU_SEARCH_SECONDS)"
    assert len(service.asked) == 1
    clock.now += QUIET_S + 1
    service.answer = Found(items=(Item(id="1", text="back"),))
    assert [memory.text for memory in (await search.find(SCOPE, "q", 10)).memories] == ["back"]
    assert search.problem is None


async def test_only_one_search_at_a_time_tries_a_service_that_failed() -> None:
    service, clock = Answering(MemuUnavailable("down")), Clock()
    search = searching(service, clock)
    await search.find(SCOPE, "q", 10)
    clock.now += QUIET_S + 1
    service.answer = None

    trying = asyncio.create_task(search.find(SCOPE, "q", 10))
    await asyncio.sleep(0)
    beside = await search.find(SCOPE, "q", 10)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)

    assert beside.problem == "down"
    assert len(service.asked) == 2
