"""Questions that come together are one query, and each gets its own answer."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import StoreUnavailable
from app.store import together
from app.store.together import Together
from tests.support.waiting import until


class Query:
    """Says which keys there are when it is let go."""

    def __init__(self, *there: bytes) -> None:
        self.there, self.asked = set(there), list[list[bytes]]()
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, keys: list[bytes]) -> set[bytes]:
        self.asked.append(keys)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return self.there.intersection(keys)


async def test_those_who_come_during_a_query_share_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(b"1", b"3")
    questions = Together(query)
    first = asyncio.create_task(questions.ask(b"0"))
    await until(lambda: query.asked, "the first query runs")
    others = [asyncio.create_task(questions.ask(key)) for key in (b"1", b"2", b"3", b"1")]
    await asyncio.sleep(0)
    query.go.set()

    assert await first is False
    assert await asyncio.gather(*others) == [True, False, True, True]
    assert query.asked == [[b"0"], [b"1", b"2", b"3"]]


async def test_a_query_has_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_AT_ONCE", 2)
    query = Query(b"4")
    query.go.set()
    questions = Together(query)

    keys = [b"%d" % number for number in range(5)]
    assert await asyncio.gather(*map(questions.ask, keys)) == [False, False, False, False, True]
    assert [len(asked) for asked in query.asked] == [2, 2, 1]


async def test_a_failure_is_told_to_those_who_asked_and_the_next_are_asked_again() -> None:
    query = Query(b"1")
    query.error = StoreUnavailable("PostgreSQL does not answer")
    query.go.set()
    questions = Together(query)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await questions.ask(b"1")

    query.error = None
    assert await questions.ask(b"1")


async def test_one_who_leaves_takes_the_answer_from_nobody() -> None:
    query = Query(b"1")
    questions = Together(query)
    leaves, stays = asyncio.create_task(questions.ask(b"1")), asyncio.create_task(questions.ask(b"1"))
    await until(lambda: query.asked, "the query runs")
    leaves.cancel()
    query.go.set()

    assert await stays
    assert leaves.cancelled()


async def test_when_asking_is_ended_nobody_waits_for_ever() -> None:
    questions = Together(Query(b"1"))
    asked = asyncio.create_task(questions.ask(b"1"))
    await asyncio.sleep(0.01)
    later = asyncio.create_task(questions.ask(b"2"))
    await asyncio.sleep(0.01)
    [asking] = [task for task in asyncio.all_tasks() if task.get_name() == "questions asked together"]

    asking.cancel()

    async with asyncio.timeout(5):
        results = await asyncio.gather(asked, later, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in results)
