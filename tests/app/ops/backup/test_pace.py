"""A share of the time is worked, the rest is a pause."""

from __future__ import annotations

import asyncio

import pytest

from app.ops.backup.pace import ALONE, Pace


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds it rested, without the waiting; a second of work passes at each look at the clock."""
    found: list[float] = []
    now = iter(float(second) for second in range(100))

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr("app.ops.backup.pace.time.monotonic", lambda: next(now))
    return found


@pytest.fixture
def no_pauses() -> None:
    """Here the pauses are what is tested."""


@pytest.mark.parametrize(("share", "rest_s"), [(1 / 3, 2.0), (1 / 4, 3.0), (ALONE, 0.0)])
async def test_a_rest_is_as_long_as_the_share_asks_for(rests: list[float], share: float, rest_s: float) -> None:
    pace = Pace(share)
    await pace.rest()
    await pace.rest()

    assert rests == [pytest.approx(rest_s)] * 2
