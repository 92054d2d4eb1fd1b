"""The rate limit."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import StoreUnavailable
from app.http import limits
from app.http.limits import LocalRateLimit, NoRateLimit, SharedRateLimit, rate_limit


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("per_minute", [1, 7, 60, 1_000])
async def test_a_burst_of_a_minutes_worth_passes_and_the_next_one_waits(per_minute: int) -> None:
    clock = Clock()
    limit = LocalRateLimit(per_minute, clock)

    assert [await limit.take("a") for _ in range(per_minute)] == [0.0] * per_minute
    wait_s = await limit.take("a")
    assert wait_s == pytest.approx(60 / per_minute)
    clock.now += wait_s
    assert await limit.take("a") == 0.0
    assert await limit.take("a") > 0


async def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    limit = LocalRateLimit(1, clock)
    await limit.take("a")

    assert [await limit.take("a") for _ in range(3)] == pytest.approx([60.0] * 3)


async def test_one_user_does_not_slow_another() -> None:
    limit = LocalRateLimit(1, Clock())
    await limit.take("a")

    assert await limit.take("b") == 0.0


async def test_idle_users_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USERS_LIMIT", 10)
    clock = Clock()
    limit = LocalRateLimit(2, clock)
    for number in range(10):
        await limit.take(f"user {number}")
    clock.now += 61
    await limit.take("another")

    assert len(limit) == 1, "the ten have not sent anything for a minute"


async def test_memory_is_bounded_even_when_everybody_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USERS_LIMIT", 10)
    limit = LocalRateLimit(1, Clock())
    for number in range(50):
        await limit.take(f"user {number}")

    assert len(limit) == 10
    assert await limit.take("user 49") > 0, "those seen last are kept"


async def test_zero_is_no_limit() -> None:
    assert isinstance(rate_limit(0), NoRateLimit)
    assert await rate_limit(0).take("a") == 0.0


class Counts:
    """The table of all replicas, which answers what the test says."""

    def __init__(self) -> None:
        self.answer: float | Exception = 0.0
        self.asked = 0

    async def take(self, caller: str, interval_s: float, period_s: float) -> float:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer < 0:
            await asyncio.Event().wait()
        return self.answer


async def test_a_refusal_of_the_shared_count_is_not_asked_for_again_until_it_is_over() -> None:
    clock, counts = Clock(), Counts()
    limit = SharedRateLimit(60, lambda: counts, clock)
    assert await limit.take("a") == 0.0

    counts.answer = 2.0
    assert [await limit.take("a") for _ in range(3)] == [2.0, 2.0, 2.0]
    assert counts.asked == 2
    clock.now += 2.0
    counts.answer = 0.0
    assert await limit.take("a") == 0.0


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), -1.0], ids=["gone", "hangs"])
async def test_while_the_shared_count_does_not_answer_a_replica_counts_alone(trouble: float | Exception) -> None:
    clock, counts = Clock(), Counts()
    limit = SharedRateLimit(1, lambda: counts, clock, answer_s=0.01)
    counts.answer = trouble

    assert await limit.take("a") == 0.0
    assert await limit.take("a") == pytest.approx(60.0)
    assert counts.asked == 1, "calls do not wait for it again at once"

    clock.now += limits.ALONE_S
    counts.answer = 0.0
    assert await limit.take("b") == 0.0
    assert counts.asked == 2


async def test_before_the_database_is_open_a_replica_counts_alone() -> None:
    limit = SharedRateLimit(1, lambda: None, Clock())

    assert await limit.take("a") == 0.0
    assert await limit.take("a") > 0
