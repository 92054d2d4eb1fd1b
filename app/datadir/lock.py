"""Allows one server for each data directory: a lock that its process holds while it lives, and that names the holder.

The kernel releases the lock with its process, so a crash leaves nothing to clean up and no pid is ever trusted.
The file stays: removing it would let two processes lock two files of the same name.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import __version__
from app.datadir.space import NO_SPACE, words_for
from app.errors import Conflict, MemoryServerError
from app.own_file import open_own

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FILE_NAME = "lock"
_LINE_BYTES = 1_000  # longer than any line, so that each replaces the last one whole
_FAR = 1 << 30  # Windows locks bytes and makes them unreadable: this one is far behind the content


class DataDirectoryUnusable(MemoryServerError):
    """The data directory cannot be created, or nothing can be written into it."""

    code = "data_directory_unusable"
    status = 503


class DataDirectoryLock:
    """The lock of one data directory, which is created if needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file: int | None = None

    def acquire(self, url: str, mode: str = "serve") -> None:
        """Take the lock and write who we are; mode: serve, daemon, or the command that needs the directory.

        Raises Conflict, which names the holder, or DataDirectoryUnusable.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = open_own(self.directory / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unusable(self.directory, error) from error
        try:
            held_by = _lock_or_holder(file)
            if held_by is None:
                with _full_disk_allowed():
                    _write(file, url, mode)
        except OSError as error:
            os.close(file)
            raise _unusable(self.directory, error) from error
        if held_by is not None:
            os.close(file)
            raise Conflict(in_use(self.directory, held_by))
        self._file = file

    def release(self) -> None:
        """Give the lock back; idempotent."""
        if self._file is not None:
            file, self._file = self._file, None
            with _full_disk_allowed():
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, b" " * _LINE_BYTES)  # the file keeps its block, for the next line on a full disk
            os.close(file)


def holder(directory: Path) -> dict[str, Any] | None:
    """Return what the process that holds the lock says of itself (pid, mode, url, version, started_at), or None."""
    try:
        file = open_own(directory / FILE_NAME, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _try_lock(file) else _read(file)
    finally:
        os.close(file)


def in_use(directory: Path, held_by: dict[str, Any]) -> str:
    """Return the message that the directory is in use."""
    who = f"pid {held_by.get('pid', 'unknown')}"
    if where := held_by.get("url") or held_by.get("mode"):
        who += f", {where}"
    return (
        f"{directory} is in use by another server ({who}); "
        f"use that one, stop it, or choose another directory: --data-dir DIR"
    )


def _unusable(directory: Path, error: OSError) -> DataDirectoryUnusable:
    why = {
        errno.EACCES: "no permission to write; change its owner or choose another with --data-dir",
        errno.EPERM: f"its file {FILE_NAME}: {error.strerror}; remove it or choose another with --data-dir",
        errno.EEXIST: "it is a file; choose a directory with --data-dir",
        errno.ELOOP: f"its file {FILE_NAME} is a link, which is not followed; remove it",
        errno.ENOTDIR: "a part of the path is a file; choose a directory with --data-dir",
    }.get(error.errno or 0) or words_for(error)
    why = why or f"{error.strerror}; choose another with --data-dir"
    return DataDirectoryUnusable(f"data directory {directory}: {why}")


@contextlib.contextmanager
def _full_disk_allowed() -> Iterator[None]:
    """Let a write of the line fail on a full disk: the lock holds without it, and a server can wait for space."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise


def _lock_or_holder(file: int) -> dict[str, Any] | None:
    """Take the lock and return None, or return its holder's line.

    `holder` above also takes the lock for an instant, while the line is still that of an earlier, dead holder; and an
    empty line means a new holder. So the lock is tried several times, and the line alone proves nothing.
    """
    held_by: dict[str, Any] = {}
    for _ in range(10):
        if _try_lock(file):
            return None
        held_by = _read(file) or held_by
        time.sleep(0.02)
    return held_by


def _try_lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _write(file: int, url: str, mode: str) -> None:
    line = json.dumps(
        {
            "pid": os.getpid(),
            "mode": mode,
            "url": url,
            "version": __version__,
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    )
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, line.encode().ljust(_LINE_BYTES) + b"\n")


def _read(file: int) -> dict[str, Any]:
    """Return the holder's line; {} while it is being written."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        line = json.loads(os.read(file, 4_096))
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
