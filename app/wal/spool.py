"""The folder that PostgreSQL and the base backups fill: a folder for each cluster in it.

Each file has its name only once it is complete and on disk. `infra/selfhost/scripts` has what writes here.

    CLUSTER/NAME.gz        a finished file of the log
    CLUSTER/TIME.base      a base backup (tar, gzip), named after the moment when it was complete
    CLUSTER/status         two Unix times: when it was written, since when a file waits at PostgreSQL (0: none does)
    CLUSTER/base-wanted    asks for a base backup
"""

from __future__ import annotations

import tarfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from app.ops.backup.bucket import place_errors
from app.ops.backup.errors import BackupRefused
from app.wal.names import CLUSTER, LOG, Base, time_of

STATUS_EVERY_S = 10  # as base.sh writes it
_SILENT_S = 60.0  # a status this old says nothing of now


@dataclass(frozen=True, slots=True)
class Cluster:
    """The folder of one cluster."""

    folder: Path

    @property
    def name(self) -> str:
        """PostgreSQL's system identifier."""
        return self.folder.name

    def logs(self) -> list[Path]:
        """Return the files of the log that wait, in their order."""
        return sorted(path for path in self.folder.glob("*.gz") if LOG.fullmatch(path.name.removesuffix(".gz")))

    def bases(self) -> list[Path]:
        """Return the base backups that wait, in their order."""
        return sorted(self.folder.glob("*.base"))

    def ask_for_base(self) -> None:
        """Have a base backup made, unless one was asked for or waits to be uploaded."""
        if not self.bases():
            with place_errors(str(self.folder)):
                (self.folder / "base-wanted").touch()

    def status(self) -> tuple[float, float]:
        """Return the two times of the status; 0 where there is none."""
        try:
            written, _, waiting = (self.folder / "status").read_text(encoding="ascii").partition(" ")
        except FileNotFoundError:
            return 0.0, 0.0
        return float(written), float(waiting)

    def lag_s(self, now: float) -> float:
        """Return how long the oldest finished file of the log has been waiting, here or at PostgreSQL.

        A server that fell silent counts from its last word.
        """
        written, waiting = self.status()
        begun = [path.stat().st_mtime for path in self.logs()]
        begun += [waiting] if waiting else []
        begun += [written] if written and now - written > _SILENT_S else []
        return max(0.0, now - min(begun, default=now))


def clusters(spool: Path) -> list[Cluster]:
    """Return the clusters that write here, the one that spoke last first."""
    with place_errors(str(spool)):
        found = [Cluster(path) for path in spool.iterdir() if CLUSTER.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda one: one.status(), reverse=True)


def base_of(file: Path) -> Base:
    """Return what a base backup in the spool is: its first member says where its log begins. Raises BackupRefused."""
    try:
        with tarfile.open(file, "r|gz") as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.name == "backup_label" else None
            label = "" if content is None else content.read(4_096).decode("ascii")
        [segment] = [line.rpartition(" ")[2].rstrip(")") for line in label.splitlines() if line.startswith("START WAL")]
        return Base(time_of(file.name.removesuffix(".base")), segment)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise BackupRefused(f"{file} is no base backup of PostgreSQL; delete it, and the next one is made") from error


def now() -> float:
    """Return the time as the spool's files tell it."""
    return time.time()
