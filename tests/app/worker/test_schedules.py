"""Schedules run once at their times, and once for all times that were missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.errors import Conflict
from app.store.database import Database
from app.store.schedules import ScheduleRuns
from app.worker.schedules import MOST_ATTEMPTS, RETRY_AFTER, Schedule, Schedules, last_time

NIGHTLY = "15 3 * * *"


class Night:
    """A schedule, the clock that it goes by, and how often it ran. `fails`: what its next runs raise."""

    def __init__(self, database: Database) -> None:
        self.runs, self.now = 0, datetime(2026, 5, 8, 12, 0, tzinfo=UTC)
        self.fails: Exception | None = None
        self.store = ScheduleRuns(database)

    async def run(self) -> None:
        self.runs += 1
        if self.fails is not None:
            raise self.fails

    async def look(self, *, after: timedelta = timedelta()) -> int:
        """Let time pass, look as a leader that has just begun, and return how often it ran in all."""
        self.now += after
        await Schedules([Schedule("backup", NIGHTLY, self.run)], self.store, now=lambda: self.now).run_due()
        return self.runs

    async def problem(self) -> str | None:
        return (await self.store.last("backup", self.now)).problem


@pytest.fixture
def night(database: Database) -> Night:
    return Night(database)


async def test_a_new_schedule_waits_for_its_first_time_and_runs_once(night: Night) -> None:
    assert await night.look() == 0
    assert await night.look(after=timedelta(hours=15)) == 0, "it is 3:00"
    assert await night.look(after=timedelta(minutes=15)) == 1
    assert await night.look() == 1
    assert await night.look(after=timedelta(hours=23)) == 1
    assert await night.look(after=timedelta(hours=1)) == 2


async def test_what_was_missed_is_made_up_for_once(night: Night) -> None:
    await night.look()

    assert await night.look(after=timedelta(days=9)) == 1
    assert await night.look(after=timedelta(minutes=1)) == 1


async def test_a_failed_run_is_tried_again_a_little_later_and_not_for_ever(night: Night) -> None:
    await night.look()
    night.fails = Conflict("the store is full")
    assert await night.look(after=timedelta(days=1)) == 1
    assert await night.problem() == "the store is full"
    assert await night.look() == 1

    assert [await night.look(after=RETRY_AFTER) for _ in range(4)] == [2, 3, 3, 3]
    night.fails = None
    assert await night.look(after=timedelta(days=1)) == 4
    assert await night.problem() is None


async def test_a_run_whose_leader_died_is_done_again_by_the_next(night: Night) -> None:
    await night.look()
    night.fails = asyncio.CancelledError()  # type: ignore[assignment]  # as when the process is told to go
    with pytest.raises(asyncio.CancelledError):
        await night.look(after=timedelta(days=1))
    night.fails = None

    assert await night.look() == 2
    assert await night.look() == 2


async def test_a_run_that_kills_its_leader_each_time_is_given_up(night: Night) -> None:
    await night.look()
    night.now += timedelta(days=1)
    night.fails = asyncio.CancelledError()  # type: ignore[assignment]
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(asyncio.CancelledError):
            await night.look()

    assert await night.look() == MOST_ATTEMPTS
    assert await night.look() == MOST_ATTEMPTS
    assert "interrupted" in str(await night.problem())


@pytest.mark.parametrize(
    ("now", "time"),
    [
        ("2026-05-08T03:15:00", "2026-05-08T03:15:00"),
        ("2026-05-08T03:15:59", "2026-05-08T03:15:00"),
        ("2026-05-08T03:14:59", "2026-05-07T03:15:00"),
        ("2026-03-29T12:00:00", "2026-03-29T03:15:00"),  # the clocks were put forward that night
    ],
)
def test_the_last_time_of_an_expression(now: str, time: str) -> None:
    zone = ZoneInfo("Europe/Berlin")

    found = last_time(NIGHTLY, datetime.fromisoformat(now).replace(tzinfo=zone))

    assert found == datetime.fromisoformat(time).replace(tzinfo=zone)
