"""The files of the embedded server: their paths, their checks and their state.

<data dir>/postgres.lock        locked (flock) by the process that owns the server, with its pid
<data dir>/postgres.log         the server's log; no statements, no values
<data dir>/postgres/            owned by root if root runs it, so that the server's user cannot replace its content
<data dir>/postgres/cluster/    PostgreSQL's data directory
<data dir>/postgres/reserve     space for when the disk is full
<data dir>/postgres/run/        the socket; or a short folder in /tmp if its path would be too long
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from app.datadir.space import shortage, words_for
from app.durable import replacing
from app.errors import StoreFull, StoreUnavailable
from app.store.embedded import processes
from app.store.embedded.account import NOBODY, Account, own_name
from app.store.embedded.binaries import MAJOR
from app.store.embedded.configuration import PORT, files

_SOCKET = f".s.PGSQL.{PORT}"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its final NUL
_LOG_BYTES = 10 * 1024 * 1024
_LEAST_BYTES = 64 << 10
_FULL = {os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)}


class Cluster:
    """One data directory's PostgreSQL files, and the account that runs the server."""

    def __init__(self, data_dir: Path, account: Account) -> None:
        self.data_dir = data_dir
        self.account = account
        self.home = data_dir / "postgres"
        self.path = self.home / "cluster"
        self.sockets = _sockets(self.home)

    @classmethod
    def of(cls, data_dir: Path) -> Self:
        """Return a data directory's cluster with the account that has it."""
        return cls(data_dir, Account.of(data_dir / "postgres" / "cluster"))

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data_dir / "postgres.log"

    @property
    def mark(self) -> str:
        """The cluster_name, which identifies this cluster's processes on the machine."""
        info = self.path.stat()
        return f"claude-memory-{info.st_dev:x}-{info.st_ino:x}"

    def command(self, programs: Path) -> list[str | Path]:
        """Return the postmaster's command line, to run in `path`."""
        return [programs / "postgres", "-D", self.name_inside(self.path), "-c", f"cluster_name={self.mark}"]

    def name_inside(self, folder: Path) -> str:
        """Return the name of `folder` for a program that starts inside it.

        For root on Linux it is the working directory, since the server's user may not be able to reach it from above.
        """
        return "/proc/self/cwd" if self.account.switched and sys.platform == "linux" else str(folder)

    def open_log(self) -> int:
        """Open the log for appending and return its descriptor; rotate a long one first."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def prepare(self) -> None:
        """Check an existing cluster, and write its configuration."""
        self._check()
        self._make_sockets()
        for name, text in self._configuration().items():
            self._write(name, text)

    def postmaster(self) -> tuple[int, bool] | None:
        """Return the pid in the server's own lock file and whether the server is ready; None without a file."""
        try:
            lines = (self.path / "postmaster.pid").read_text(errors="replace").splitlines()
            return int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready"
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def clear_stale_locks(self) -> None:
        """Remove files of a dead server that would stop a new one; call it only when none of its processes is left.

        It removes the pid file only if another program now has that pid: PostgreSQL would mistake it for a server.
        With a dead pid the file stays, because PostgreSQL then also asks the kernel who still uses its memory.
        """
        if (postmaster := self.postmaster()) and processes.exists(postmaster[0]):
            (self.path / "postmaster.pid").unlink(missing_ok=True)
        for name in (_SOCKET, f"{_SOCKET}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def last_words(self, begin: int) -> str:
        """Return the log's errors since byte `begin` in one line, or its last line without errors."""
        try:
            with self.log.open("rb") as file:
                file.seek(begin)
                lines = file.read(_LOG_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return ""
        errors = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "error:"))]
        chosen = errors[-2:] or [line for line in lines if line.strip()][-1:]
        return "; ".join(_without_prefix(line) for line in chosen)[:400]

    def explain(self, what: str, log: str) -> StoreUnavailable:
        """Return the error for the user: what happened, why, and what to do."""
        for said, number in _FULL.items():
            if said in log:
                return self.full(OSError(number, said), what)
        with suppress(OSError):
            if problem := shortage(self.data_dir, _LEAST_BYTES):  # not even its log could be written
                return StoreFull(f"the embedded PostgreSQL {what}: {problem}")
        if "user does not exist" in log:
            return StoreUnavailable(
                f"the embedded PostgreSQL {what}: its user has no entry in /etc/passwd;"
                " add one (for root: of user 65534, nobody), or set DATABASE_URL to a server"
            )
        return StoreUnavailable(f"the embedded PostgreSQL {what}: {log or 'it logged nothing'}; more in {self.log}")

    def full(self, error: OSError, what: str) -> StoreFull:
        """Return the error for a disk that takes nothing more (ENOSPC, EDQUOT, EROFS)."""
        return StoreFull(f"the embedded PostgreSQL {what}, the disk of {self.data_dir}: {words_for(error)}")

    def _check(self) -> None:
        """Reject a cluster that PostgreSQL would reject, with a better message."""
        if not self.account.owns(self.path):
            raise StoreUnavailable(
                f"{self.path} belongs to user {self.path.lstat().st_uid}, and this process would run it as user"
                f" {self.account.uid}; start it as the user who made it, or hand it over with chown -R"
            )
        try:
            version = (self.path / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise StoreUnavailable(
                f"{self.path} holds no PostgreSQL database; move it away, or set another MEMORY_DATA_DIR"
            ) from None
        if version != MAJOR:
            raise StoreUnavailable(
                f"{self.path} was made by PostgreSQL {version}, this installation brings {MAJOR};"
                " back it up with the claude-memory that made it, and restore that into an empty MEMORY_DATA_DIR"
            )

    def _make_sockets(self) -> None:
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        if self.sockets.lstat().st_uid in (os.geteuid(), NOBODY):  # made just now, or by an earlier version
            self.account.give(self.sockets)
        info = self.sockets.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != self.account.uid or info.st_mode & 0o077:
            raise StoreUnavailable(
                f"{self.sockets}, the folder for PostgreSQL's socket, is not a private folder of user"
                f" {self.account.uid}; remove it and start again"
            )

    def _configuration(self) -> dict[str, str]:
        # relative if possible, since the server may not be able to enter the folders above
        inside = self.sockets.parent == self.home
        return files(f"../{self.sockets.name}" if inside else str(self.sockets), own_name())

    def _write(self, name: str, text: str) -> None:
        """Replace a file of the cluster, but never write through a link that the server's user may have made."""
        file = self.path / name
        with suppress(OSError, UnicodeDecodeError):
            if file.read_text() == text:
                return
        with replacing(file, alone=True) as draft:
            self.account.give(draft.fileno())
            draft.write(text.encode())


@contextmanager
def closing_descriptor(descriptor: int) -> Iterator[int]:
    """Close a file descriptor at the end of the block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sockets(home: Path) -> Path:
    """Return the socket's folder: ours, or a short one if the path is too long; every process gets the same."""
    run = home / "run"
    if len(os.fsencode(run / _SOCKET)) <= _SOCKET_PATH_BYTES:
        return run
    import hashlib

    digest = hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:16]
    return Path("/tmp") / f"claude-memory-{digest}"  # noqa: S108 - checked to be ours; TMPDIR differs by process


def _without_prefix(line: str) -> str:
    """Drop log_line_prefix: date, time, zone, pid."""
    _, separator, rest = line.partition("] ")
    return rest if separator and line[:2] == "20" else line.strip()
