"""The spool: what waits there, and for how long."""

from __future__ import annotations

import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.wal.names import Base
from app.wal.spool import Cluster, base_of, clusters, now
from tests.app.wal.conftest import CLUSTER

NAME = "000000010000000000000001"
LABEL = f"START WAL LOCATION: 0/1000028 (file {NAME})\nCHECKPOINT LOCATION: 0/1000060\n"


def base_backup(folder: Path, first: str = "backup_label", label: str = LABEL) -> Path:
    """Write what pg_basebackup writes, as far as it is read here."""
    file = folder / "20260508T120000Z.base"
    with tarfile.open(file, "w:gz") as archive:
        entry = tarfile.TarInfo(first)
        entry.size = len(label)
        archive.addfile(entry, io.BytesIO(label.encode()))
    return file


def test_only_what_is_complete_waits(folder: Path) -> None:
    for name in (f"{NAME}.gz", "00000002.history.gz", f"{NAME}.part", "notes.gz", "1.base.age"):
        (folder / name).touch()
    (folder / "20260508T120000Z.base").touch()

    [cluster] = clusters(folder.parent)

    assert [path.name for path in cluster.logs()] == [f"{NAME}.gz", "00000002.history.gz"]
    assert [path.name for path in cluster.bases()] == ["20260508T120000Z.base"]
    assert cluster.name == CLUSTER


def test_the_cluster_that_spoke_last_is_first(folder: Path) -> None:
    other = folder.with_name("7714067813626042078")
    other.mkdir()
    (folder.parent / "restore").mkdir()
    (folder / "status").write_text("1000 0\n")
    (other / "status").write_text("2000 0\n")

    assert [one.name for one in clusters(folder.parent)] == [other.name, CLUSTER]


def test_a_spool_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlaceUnusable, match="none: there is no such backup or directory"):
        clusters(tmp_path / "none")


@pytest.mark.parametrize(
    ("status", "file_s", "lag_s"),
    [
        pytest.param("{now} 0", None, 0, id="nothing waits"),
        pytest.param("{now} 0", 40, 40, id="a file waits in the spool"),
        pytest.param("{now} {before}", None, 100, id="one waits at PostgreSQL"),
        pytest.param("{now} {before}", 40, 100, id="both"),
        pytest.param("{before} 0", None, 100, id="the server is silent"),
        pytest.param(None, 40, 40, id="it has not spoken yet"),
    ],
)
def test_the_lag_is_that_of_the_oldest(folder: Path, status: str | None, file_s: int | None, lag_s: float) -> None:
    at = now()
    if status is not None:
        (folder / "status").write_text(status.format(now=int(at), before=int(at) - 100))
    if file_s is not None:
        (folder / f"{NAME}.gz").touch()
        os.utime(folder / f"{NAME}.gz", (at - file_s, at - file_s))

    assert Cluster(folder).lag_s(at) == pytest.approx(lag_s, abs=1.5)


def test_a_base_backup_is_asked_for_once(folder: Path) -> None:
    Cluster(folder).ask_for_base()
    assert (folder / "base-wanted").exists()

    (folder / "base-wanted").unlink()
    base_backup(folder)
    Cluster(folder).ask_for_base()
    assert not (folder / "base-wanted").exists(), "one waits to be uploaded"


def test_a_base_backup_says_where_its_log_begins(folder: Path) -> None:
    assert base_of(base_backup(folder)) == Base(datetime(2026, 5, 8, 12, tzinfo=UTC), NAME)


@pytest.mark.parametrize(
    ("first", "label"),
    [("PG_VERSION", LABEL), ("backup_label", "no start\n"), ("backup_label", "")],
)
def test_what_is_no_base_backup_is_refused(folder: Path, first: str, label: str) -> None:
    with pytest.raises(BackupRefused, match="is no base backup of PostgreSQL"):
        base_of(base_backup(folder, first, label))


def test_a_file_that_is_cut_short_is_refused(folder: Path) -> None:
    file = base_backup(folder)
    file.write_bytes(file.read_bytes()[:40])

    with pytest.raises(BackupRefused, match="is no base backup"):
        base_of(file)
