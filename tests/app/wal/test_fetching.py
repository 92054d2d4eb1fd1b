"""What a restore needs, brought into the spool; which server's log it is."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.ops.backup.errors import BackupRefused
from app.settings.fields import Settings
from app.wal.archive import Archive
from app.wal.fetching import FetchReport, chosen, contents_of_all, fetch
from app.wal.names import Base, Contents
from tests.app.wal.conftest import CLUSTER

NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST = "000000010000000000000001"


def server(cluster: str, first: datetime, until: datetime) -> Contents:
    """Return a server with a base backup every hour."""
    hours = range(int((until - first) / HOUR) + 1)
    return Contents(cluster, tuple(Base(first + hour * HOUR, FIRST) for hour in hours), {FIRST: until})


async def kept(archive: Archive, tmp_path: Path, *numbers: int) -> Base:
    """Put a base backup and these files of the log into the bucket."""
    base = Base(NOON, FIRST)
    (tmp_path / "1.base").write_bytes(b"all data")
    await archive.put_base(CLUSTER, base.path, tmp_path / "1.base")
    for number in numbers:
        await archive.put_log(CLUSTER, f"00000001{number:016X}", gzip.compress(b"log %d" % number))
    return base


async def test_a_base_backup_and_the_log_after_it_are_fetched(
    archive: Archive, settings: Settings, tmp_path: Path
) -> None:
    base = await kept(archive, tmp_path, 1, 2)
    (settings.wal_spool / "restore").mkdir()
    (settings.wal_spool / "restore" / "left over").touch()

    report = await fetch(archive, settings.wal_spool, None, None)

    folder = settings.wal_spool / "restore"
    assert (report.base, report.logs, report.folder) == (base, 2, folder)
    assert (folder / "base.tar.gz").read_bytes() == b"all data"
    assert gzip.decompress((folder / "wal" / f"{FIRST}.gz").read_bytes()) == b"log 1"
    assert sorted(path.name for path in folder.iterdir()) == ["base.tar.gz", "target", "wal"]
    assert (folder / "target").read_text() == "\n"
    assert folder.stat().st_mode & 0o777 == 0o777, "another user restores from it, and deletes it"
    assert "for a restore to the end of the log" in report.summary()


async def test_a_moment_is_told_to_the_restore_with_its_zone(
    archive: Archive, settings: Settings, tmp_path: Path
) -> None:
    await kept(archive, tmp_path, 1)
    moment = NOON.astimezone(datetime.fromisoformat("2026-05-08T12:00:00+08:00").tzinfo)

    report = await fetch(archive, settings.wal_spool, moment, CLUSTER)

    assert (settings.wal_spool / "restore" / "target").read_text() == "2026-05-08 12:00:00+00:00\n"
    assert report.to_json()["to"] == NOON


async def test_a_gap_refuses_a_restore_to_the_end_and_not_one_to_a_moment(
    archive: Archive, settings: Settings, tmp_path: Path
) -> None:
    await kept(archive, tmp_path, 1, 2, 5)

    with pytest.raises(BackupRefused, match=r"the log has a gap of 2 files .* name the moment"):
        await fetch(archive, settings.wal_spool, None, None)
    assert not (settings.wal_spool / "restore").exists()
    assert isinstance(await fetch(archive, settings.wal_spool, NOON, None), FetchReport)


async def test_an_empty_bucket_is_told(archive: Archive, settings: Settings) -> None:
    assert await contents_of_all(archive) == []
    with pytest.raises(BackupRefused, match="there is no base backup and log for that moment"):
        await fetch(archive, settings.wal_spool, None, None)


def test_the_newest_base_backup_before_the_moment_is_the_one() -> None:
    one = server("1", NOON, NOON + 5 * HOUR)

    assert chosen([one], NOON + 2.5 * HOUR, None) == (one, Base(NOON + 2 * HOUR, FIRST))
    assert chosen([one], None, None)[1].complete == NOON + 5 * HOUR


def test_the_server_whose_log_has_the_moment_is_the_one() -> None:
    """A host was lost, and a new server made an empty database before the restore."""
    lost, empty = server("1", NOON, NOON + 5 * HOUR), server("2", NOON + 6 * HOUR, NOON + 7 * HOUR)

    assert chosen([lost, empty], NOON + 4 * HOUR, None)[0] is lost
    assert chosen([lost, empty], None, "1")[0] is lost
    with pytest.raises(BackupRefused, match="several servers have such a log here: 1, 2; choose one with --cluster"):
        chosen([lost, empty], None, None)


@pytest.mark.parametrize("moment", [NOON - HOUR, NOON + 6 * HOUR], ids=["before", "after"])
def test_a_moment_that_no_log_has_is_refused(moment: datetime) -> None:
    with pytest.raises(BackupRefused, match="`claude-memory wal list` shows from when to when"):
        chosen([server("1", NOON, NOON + 5 * HOUR)], moment, None)


def test_a_server_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BackupRefused, match="there is no base backup"):
        chosen([server("1", NOON, NOON + 5 * HOUR)], None, "9")
