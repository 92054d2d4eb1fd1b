"""The rate limit of several replicas is one limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.store.database import Database
from app.store.rate_limits import RateLimits

PERIOD_S = 36_000  # so long that nothing becomes free while a test runs, however slowly


@pytest.mark.parametrize("requests", [1, 7, 9, 60])
async def test_a_burst_of_a_periods_worth_passes_and_the_next_one_waits(database: Database, requests: int) -> None:
    limits, interval_s = RateLimits(database), PERIOD_S / requests

    assert [await limits.take("a", interval_s, PERIOD_S) for _ in range(requests)] == [0.0] * requests
    assert 0 < await limits.take("a", interval_s, PERIOD_S) <= interval_s
    assert await limits.take("b", interval_s, PERIOD_S) == 0.0, "another caller is not slowed"


async def test_replicas_at_once_let_through_what_one_would(
    database: Database, connect_arguments: dict[str, Any]
) -> None:
    other = Database(connect_arguments)
    await other.open()
    replicas = [RateLimits(database), RateLimits(other)]
    try:
        waits = await asyncio.gather(*(replicas[n % 2].take("a", PERIOD_S / 20, PERIOD_S) for n in range(60)))
    finally:
        await other.close()

    assert sum(wait_s == 0 for wait_s in waits) == 20
    assert all(wait_s <= PERIOD_S / 20 for wait_s in waits)


async def test_callers_whose_requests_are_paid_for_are_forgotten(database: Database) -> None:
    limits = RateLimits(database)
    await limits.take("paid", 0.001, 60)
    await limits.take("owes", 30, 60)
    await asyncio.sleep(0.01)

    await limits.sweep()

    async with database.as_service() as connection:
        assert [row["caller"] for row in await connection.fetch("select caller from rate_limits")] == ["owes"]
