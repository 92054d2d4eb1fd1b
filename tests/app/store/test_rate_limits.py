"""The rate limit of several replicas is one limit."""

from __future__ import annotations

import asyncio

import pytest

from app.store.database import Database
from app.store.rate_limits import RateLimits


@pytest.mark.parametrize("per_minute", [1, 7, 9, 60])
async def test_a_burst_of_a_minutes_worth_passes_and_the_next_one_waits(database: Database, per_minute: int) -> None:
    limits, interval_s = RateLimits(database), 60 / per_minute

    assert [await limits.take("a", interval_s, 60) for _ in range(per_minute)] == [0.0] * per_minute
    assert 0 < await limits.take("a", interval_s, 60) <= interval_s
    assert await limits.take("b", interval_s, 60) == 0.0, "another caller is not slowed"


async def test_replicas_at_once_let_through_what_one_would(database: Database, connect_arguments) -> None:
    other = Database(connect_arguments)
    await other.open()
    replicas = [RateLimits(database), RateLimits(other)]
    try:
        waits = await asyncio.gather(*(replicas[n % 2].take("a", 60 / 20, 60) for n in range(60)))
    finally:
        await other.close()

    assert sum(wait_s == 0 for wait_s in waits) == 20
    assert all(wait_s <= 3 for wait_s in waits)


async def test_callers_whose_requests_are_paid_for_are_forgotten(database: Database) -> None:
    limits = RateLimits(database)
    await limits.take("paid", 0.001, 60)
    await limits.take("owes", 30, 60)
    await asyncio.sleep(0.01)

    await limits.sweep()

    async with database.as_service() as connection:
        assert [row["caller"] for row in await connection.fetch("select caller from rate_limits")] == ["owes"]
