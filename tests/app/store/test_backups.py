"""The list of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.store.backups import VERIFICATION, Backup, Backups
from app.store.database import Database
from app.store.schedules import ScheduleRuns

NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)


@pytest.fixture
def backups(database: Database) -> Backups:
    return Backups(database)


def backup(place: str, *, hours: int = 0, sha256: bytes = b"1" * 32) -> Backup:
    return Backup(place, NOON + timedelta(hours=hours), 1_000, 7, sha256, encrypted=True)


async def test_the_list_has_the_newest_first(backups: Backups) -> None:
    for place, hours in (("/old", 0), ("/new", 2), ("/middle", 1)):
        await backups.note(backup(place, hours=hours))

    assert [one.place for one in await backups.list()] == ["/new", "/middle", "/old"]
    assert (await backups.list())[0] == backup("/new", hours=2)


async def test_one_at_the_same_place_was_overwritten(backups: Backups) -> None:
    await backups.note(backup("/a"))
    await backups.verified(b"1" * 32)
    await backups.note(backup("/a", hours=1, sha256=b"2" * 32))

    assert await backups.list() == [backup("/a", hours=1, sha256=b"2" * 32)], "and is not verified yet"


async def test_a_verification_is_noted_by_what_the_file_holds(backups: Backups) -> None:
    await backups.note(backup("/a"))

    assert await backups.verified(b"1" * 32)
    assert not await backups.verified(b"9" * 32)

    [found] = await backups.list()
    assert found.verified_at is not None


async def test_the_last_times_are_0_until_there_is_one(backups: Backups) -> None:
    assert await backups.last_times() == (0, 0, 0)
    await backups.note(backup("/a"))
    assert await backups.last_times() == (NOON.timestamp(), 0, 0)
    await backups.verified(b"1" * 32)
    assert (await backups.last_times()).verified > 0

    await backups.forget("/a")

    assert await backups.list() == []


async def test_a_verification_is_due_only_once_its_schedule_has_run(backups: Backups, database: Database) -> None:
    runs = ScheduleRuns(database)

    await runs.last(VERIFICATION, NOON)
    assert (await backups.last_times()).verification_due == 0, "the schedule is new: its first time is still to come"
    await runs.begin(VERIFICATION, NOON, NOON + timedelta(hours=1), 1)
    assert (await backups.last_times()).verification_due == (NOON + timedelta(hours=1)).timestamp()
    await runs.finish(VERIFICATION, NOON, "it failed")
    assert (await backups.last_times()).verification_due == (NOON + timedelta(hours=1)).timestamp()
