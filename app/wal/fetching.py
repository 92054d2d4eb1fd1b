"""Brings what a restore to a moment needs out of the bucket: a base backup, and the log from there on."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.counted import counted
from app.ops.backup.bucket import place_errors
from app.ops.backup.errors import BackupRefused
from app.wal.archive import Archive
from app.wal.names import Base, Contents, missing, needed

_AT_ONCE = 8
_CLOCKS = timedelta(
    minutes=1
)  # the store's and the server's may differ; whether the log has the moment, PostgreSQL says
RESTORE = "restore"  # the folder in the spool where restore.sh looks


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What was fetched. to: the moment to restore to; None: the end of the log."""

    cluster: str
    base: Base
    to: datetime | None
    logs: int
    folder: Path
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "cluster": self.cluster,
            "base": self.base.complete,
            "to": self.to,
            "log_files": self.logs,
            "folder": str(self.folder),
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> str:
        """Return one line for people."""
        moment = "the end of the log" if self.to is None else f"{self.to.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"fetched the base backup of {self.base.complete:%Y-%m-%d %H:%M:%S} UTC and"
            f" {counted(self.logs, 'file')} of the log, for a restore to {moment}, in {self.seconds:,.1f} s"
        )


async def contents_of_all(archive: Archive) -> list[Contents]:
    """Return what the bucket has, cluster by cluster."""
    return [await archive.contents(cluster) for cluster in await archive.clusters()]


def chosen(all_contents: list[Contents], to: datetime | None, cluster: str | None) -> tuple[Contents, Base]:
    """Return the cluster and the base backup to begin with. Raises BackupRefused, with what to do."""
    known = [one for one in all_contents if one.bases]
    if cluster is not None:
        known = [one for one in known if one.cluster == cluster]
    elif to is not None:
        known = [one for one in known if one.until is not None and one.bases[0].complete <= to <= one.until + _CLOCKS]
    if len(known) > 1:
        names = ", ".join(one.cluster for one in known)
        raise BackupRefused(f"several servers have such a log here: {names}; choose one with --cluster, see `wal list`")
    begin = [base for one in known for base in one.bases if to is None or base.complete <= to]
    if not begin:
        raise BackupRefused(
            "there is no base backup and log for that moment; `claude-memory wal list` shows from when to when there is"
        )
    return known[0], begin[-1]


async def fetch(archive: Archive, spool: Path, to: datetime | None, cluster: str | None) -> FetchReport:
    """Fetch into the spool's folder RESTORE, replacing what is there.

    to: None for the end of the log. Raises BackupRefused and PlaceUnusable; then there is nothing to restore from.
    """
    began = time.monotonic()
    contents, base = chosen(await contents_of_all(archive), to, cluster)
    gap = missing(contents, base)
    if gap and to is None:
        raise BackupRefused(
            f"the log has a gap of {counted(len(gap), 'file')} after the base backup of {base.complete.isoformat()};"
            " name the moment to restore to (--to), and the restore fails if it lies behind the gap"
        )
    folder = spool / RESTORE
    with place_errors(str(folder)):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "wal").mkdir(parents=True)
        for made in (folder, folder / "wal"):
            made.chmod(0o777)  # PostgreSQL's user reads and writes here as well
    names = needed(contents, base, to)
    for some in (names[begin : begin + _AT_ONCE] for begin in range(0, len(names), _AT_ONCE)):
        await asyncio.gather(*(_log(archive, contents.cluster, name, folder) for name in some))
    with place_errors(str(folder)):
        moment = "" if to is None else to.astimezone(UTC).isoformat(sep=" ")
        (folder / "target").write_text(f"{moment}\n", encoding="ascii")
    await archive.get_base(contents.cluster, base.path, folder / "base.tar.gz")  # last: the restore looks for it
    return FetchReport(contents.cluster, base, to, len(names), folder, time.monotonic() - began)


async def _log(archive: Archive, cluster: str, name: str, folder: Path) -> None:
    packed = await archive.get_log(cluster, name)
    with place_errors(str(folder)):
        await asyncio.to_thread((folder / "wal" / f"{name}.gz").write_bytes, packed)
