"""The last run of a schedule, as every process sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.store.database import Database
from app.store.schedules import LastRun, ScheduleRuns

NOW = datetime(2026, 5, 8, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


async def test_one_that_was_never_seen_is_known_from_now_on(database: Database) -> None:
    runs = ScheduleRuns(database)

    assert await runs.last("backup", NOW) == LastRun(NOW, 0, None, None, None, None)
    assert (await runs.last("backup", LATER)).due_at == NOW, "not from later on"


async def test_a_run_under_way_has_no_end(database: Database) -> None:
    runs = ScheduleRuns(database)
    await runs.last("backup", NOW)

    await runs.begin("backup", LATER, LATER, 2)

    assert await runs.last("backup", LATER) == LastRun(LATER, 2, LATER, None, None, None)


async def test_a_failure_keeps_the_time_of_the_last_success(database: Database) -> None:
    runs = ScheduleRuns(database)
    await runs.last("backup", NOW)
    await runs.begin("backup", NOW, NOW, 1)
    await runs.finish("backup", NOW, None)

    await runs.begin("backup", LATER, LATER, 1)
    await runs.finish("backup", LATER, "the disk is full")

    assert await runs.last("backup", LATER) == LastRun(LATER, 1, LATER, LATER, NOW, "the disk is full")
