"""From the spool to the bucket: a file leaves the spool once the bucket has it, base backups are asked for in time."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import metrics
from app.measuring import METRICS
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.settings.fields import Settings
from app.wal.archive import Archive
from app.wal.names import Base
from app.wal.shipping import Shipper
from app.wal.spool import now
from tests.app.wal.conftest import CLUSTER
from tests.app.wal.test_spool import NAME, base_backup


@pytest.fixture
def shipper(settings: Settings, archive: Archive) -> Shipper:
    return Shipper(settings, archive)


def log(folder: Path, number: int, content: bytes = b"log") -> str:
    name = f"{'0' * 7}1{number:016X}"
    (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    (folder / "status").write_text(f"{int(now())} 0\n")
    return name


async def test_everything_that_waits_is_in_the_bucket_after_a_round(
    shipper: Shipper, archive: Archive, folder: Path
) -> None:
    names = [log(folder, number) for number in range(1, 12)]
    base_backup(folder)

    await shipper.round()

    found = await archive.contents(CLUSTER)
    assert sorted(found.logs) == names
    assert [base.segment for base in found.bases] == [NAME]
    assert sorted(path.name for path in folder.iterdir()) == ["base-wanted", "status"], "it is an old one"


async def test_while_the_bucket_is_away_all_stays_in_the_spool(settings: Settings, folder: Path) -> None:
    away = settings.model_copy(update={"backup_s3_endpoint": "http://127.0.0.1:9"})
    name = log(folder, 1)

    with pytest.raises(PlaceUnusable, match="the store refused"):
        await Shipper(away, Archive(away)).round()

    assert (folder / f"{name}.gz").exists()


async def test_a_file_that_cannot_go_holds_up_no_other_of_its_turn(
    shipper: Shipper, archive: Archive, folder: Path
) -> None:
    first = log(folder, 1)
    await shipper.round()
    log(folder, 1, b"of another server")
    second = log(folder, 2)

    with pytest.raises(BackupRefused, match="two servers write one log"):
        await shipper.round()

    assert sorted((await archive.contents(CLUSTER)).logs) == [first, second]
    assert (folder / f"{first}.gz").exists()


async def test_a_base_backup_is_asked_for_until_there_is_one_and_again_when_it_is_old(
    shipper: Shipper, settings: Settings, archive: Archive, folder: Path
) -> None:
    log(folder, 1)
    await shipper.round()
    assert (folder / "base-wanted").exists(), "there is none"

    (folder / "base-wanted").unlink()
    young = datetime.now(UTC) - timedelta(hours=settings.wal_base_hours - 1)
    base_backup(folder).rename(folder / f"{young:%Y%m%dT%H%M%SZ}.base")
    await shipper.round()
    await shipper.round()
    assert not (folder / "base-wanted").exists()
    assert METRICS.total(metrics.WAL_BASE_OVERDUE) == 0

    await Shipper(settings.model_copy(update={"wal_base_hours": 1}), archive).round()
    assert (folder / "base-wanted").exists(), "it is older than WAL_BASE_HOURS"


async def test_a_gap_in_the_bucket_is_counted_and_ended_by_a_new_base_backup(
    shipper: Shipper, settings: Settings, archive: Archive, folder: Path
) -> None:
    for number in (1, 2, 4):
        log(folder, number)
    recent = datetime.now(UTC)
    base_backup(folder).rename(folder / f"{recent:%Y%m%dT%H%M%SZ}.base")
    await shipper.round()
    await shipper.round()

    assert METRICS.total(metrics.WAL_ARCHIVE_MISSING) == 1
    assert (folder / "base-wanted").exists()


async def test_what_is_too_old_is_deleted(settings: Settings, archive: Archive, folder: Path) -> None:
    for number in range(1, 5):
        log(folder, number)
    old, kept = (datetime.now(UTC).replace(microsecond=0) - timedelta(days=days) for days in (9, 8))
    for complete, segment in ((old, NAME), (kept, f"{'0' * 7}1{3:016X}")):
        base_backup(folder, label=f"START WAL LOCATION: 0/1 (file {segment})\n").rename(
            folder / f"{complete:%Y%m%dT%H%M%SZ}.base"
        )

    await Shipper(settings, archive).round()

    found = await archive.contents(CLUSTER)
    assert found.bases == (Base(kept, f"{'0' * 7}1{3:016X}"),)
    assert [int(name[8:], 16) for name in sorted(found.logs)] == [3, 4]
