"""Which backups stay: grandfather, father, son, and never without a good one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ops.backup.errors import PlaceUnusable
from app.ops.backup.places import backup_place
from app.ops.backup.retention import Keep, prune, to_keep
from app.ops.backup.writing import run_backup
from app.settings.fields import Settings
from app.store.backups import Backup, Backups
from app.store.database import Database

START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)


def backup(hours: float, *, verified: bool = False) -> Backup:
    at = START + timedelta(hours=hours)
    return Backup(f"/b/{hours}.tar", at, 1, 1, b"", encrypted=False, verified_at=at if verified else None)


def nights(count: int) -> list[Backup]:
    return [backup(24 * night) for night in range(count)]


def dates(backups: set[Backup]) -> list[str]:
    return sorted(f"{one.taken_at:%m-%d}" for one in backups)


def test_the_newest_of_each_day_week_and_month_stays() -> None:
    stay = to_keep(nights(100), Keep(daily=3, weekly=3, monthly=4))  # until Friday, April 10

    assert dates(stay) == ["01-31", "02-28", "03-29", "03-31", "04-05", "04-08", "04-09", "04-10"]


def test_of_several_a_day_the_newest_stays() -> None:
    several = [backup(hour) for hour in (0, 5, 10)]

    assert to_keep(several, Keep(7, 5, 12)) == {several[-1]}


def test_days_without_a_backup_do_not_count() -> None:
    rare = [backup(24 * 10 * number) for number in range(5)]

    assert len(to_keep(rare, Keep(daily=3, weekly=0, monthly=0))) == 3


@given(
    st.lists(st.tuples(st.integers(0, 9_000), st.booleans()), unique_by=lambda pair: pair[0], min_size=1),
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
)
def test_the_newest_and_the_newest_verified_always_stay(
    made: list[tuple[int, bool]], numbers: tuple[int, int, int]
) -> None:
    backups = [backup(hours, verified=verified) for hours, verified in made]
    stay = to_keep(backups, Keep(*numbers))

    assert max(backups, key=lambda one: one.taken_at) in stay
    verified = [one for one in backups if one.verified_at]
    assert not verified or max(verified, key=lambda one: one.taken_at) in stay
    assert len(stay) <= sum(numbers) + 2


async def noted(database: Database, folder: Path, count: int) -> list[str]:
    """Write files and note them as backups of so many nights, oldest first."""
    names = []
    for one in nights(count):
        file = folder / f"{one.taken_at:%Y%m%d}.tar"
        file.write_bytes(b"x")
        await Backups(database).note(Backup(str(file), one.taken_at, 1, 1, b"", encrypted=False))
        names.append(str(file))
    return names


async def test_old_files_go_and_strangers_stay(database: Database, plain_settings: Settings, tmp_path: Path) -> None:
    names = await noted(database, tmp_path, 40)
    (tmp_path / "claude-memory-20200101T000000Z.tar").write_bytes(b"of another database")

    would = await prune(plain_settings, database, dry_run=True)
    assert len(list(tmp_path.iterdir())) == 41, "a dry run deletes nothing"
    did = await prune(plain_settings, database)

    assert (would.deleted, would.kept) == (did.deleted, did.kept)
    left = {str(path) for path in tmp_path.iterdir()}
    assert left == {*did.kept, str(tmp_path / "claude-memory-20200101T000000Z.tar")}
    assert {one.place for one in await Backups(database).list()} == set(did.kept)
    assert names[-1] in did.kept
    assert (await prune(plain_settings, database)).deleted == ()


async def test_a_lost_file_is_not_taken_for_a_good_one_and_is_forgotten_only_when_asked(
    database: Database, plain_settings: Settings, tmp_path: Path
) -> None:
    settings = plain_settings.model_copy(update=dict.fromkeys([f"backup_keep_{name}" for name in PERIODS], 0))
    *_, last_good, broken, gone = await noted(database, tmp_path, 5)
    (tmp_path / broken).write_bytes(b"")
    (tmp_path / gone).unlink()

    pruned = await prune(settings, database)

    assert pruned.kept == (last_good,)
    assert set(pruned.lost) == {broken, gone}
    assert {one.place for one in await Backups(database).list()} == {last_good, broken, gone}
    await prune(settings, database, forget_lost=True)
    assert {one.place for one in await Backups(database).list()} == {last_good}


PERIODS = ("daily", "weekly", "monthly")


async def test_the_nightly_run_writes_notes_and_deletes(
    database: Database, plain_settings: Settings, tmp_path: Path
) -> None:
    await noted(database, tmp_path, 40)
    settings = plain_settings.model_copy(update={"backup_to": str(tmp_path)})

    report = await run_backup(settings, database)

    assert report.pruned is not None
    assert report.place in report.pruned.kept
    assert len(report.pruned.deleted) > 20
    [newest, *_] = await Backups(database).list()
    assert (newest.place, newest.sha256.hex()) == (report.place, report.whole.sha256)
    assert await backup_place(settings, newest.place).size() == newest.size
    assert (await Backups(database).last_times())[0] == report.taken_at.timestamp()


async def test_without_a_place_the_nightly_run_says_so(database: Database, plain_settings: Settings) -> None:
    with pytest.raises(PlaceUnusable, match="BACKUP_TO is not set"):
        await run_backup(plain_settings, database)
