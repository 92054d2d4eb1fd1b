"""Replaces files durably: writes a draft in the same folder, syncs it, renames it.

Readers see the old file or the new one, whole, even after a failure or a crash at any step. A later write removes the
draft that a crash leaves. Standard library only, and only modules that are loaded anyway: the embedded PostgreSQL uses
this to write its configuration before the server is imported.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ABANDONED_S = 3_600.0  # a draft not written to for this long belongs to a process that was killed
_SUFFIX = ".unfinished"


class Draft:
    """A new version of a file, in the same folder until `commit` or `discard`. For writers that work in threads.

    `file` is the open binary file; until `commit`, only its owner can read it.
    """

    def __init__(self, path: Path, *, like: os.stat_result | None = None, alone: bool = False) -> None:
        """Open the draft, and remove abandoned drafts of the same path. Raises OSError.

        like: the file gets this owner (where permitted) and mode; None: the process's owner, and 0600.
        alone: no other process writes this path, so every other draft of it is abandoned.
        """
        remove_abandoned(path.parent, path.name, older_than_s=0.0 if alone else ABANDONED_S)
        self._path, self._like = path, like
        self._draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_SUFFIX}")
        self.file: BinaryIO = open(self._draft, "xb", opener=_open_private)  # noqa: SIM115 - pathlib has no opener

    def commit(self) -> None:
        """Sync the draft and rename it to the path. Raises OSError; the caller must then still discard it."""
        self.file.flush()
        if self._like is not None:
            _copy_owner_and_mode(self.file.fileno(), self._like)
        os.fsync(self.file.fileno())
        self.file.close()
        self._draft.replace(self._path)
        sync(self._path.parent)

    def discard(self) -> None:
        """Remove the draft; the file at the path stays. Does nothing after a commit."""
        with suppress(OSError):  # on a full disk, flushing the buffer fails
            self.file.close()
        with suppress(OSError):
            self._draft.unlink()


@contextmanager
def replacing(path: Path, *, like: os.stat_result | None = None, alone: bool = False) -> Iterator[BinaryIO]:
    """Open a draft for the block, and commit it unless the block raises. Arguments and errors as in Draft."""
    draft = Draft(path, like=like, alone=alone)
    try:
        yield draft.file
        draft.commit()
    except BaseException:
        draft.discard()
        raise


def replace_file(path: Path, content: bytes, *, like: os.stat_result | None = None, alone: bool = False) -> None:
    """Replace a file, or create it. Arguments and errors as in Draft."""
    with replacing(path, like=like, alone=alone) as file:
        file.write(content)


def remove_abandoned(folder: Path, name: str | None = None, *, older_than_s: float = ABANDONED_S) -> None:
    """Remove the drafts that killed processes left in a folder: those of one file name, or all."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _is_draft(entry.name, name):
                with suppress(OSError):  # another process was quicker
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older_than_s:
                        os.unlink(entry.path)  # noqa: PTH108 - a path of scandir is text


def sync(path: Path) -> None:
    """Sync a file's content, or a folder's entries, to disk. Raises OSError when the disk fails.

    Does nothing where syncing is impossible: on a path that may not be opened, such as any folder on Windows, and on
    file systems that cannot sync folders.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_draft(entry: str, name: str | None) -> bool:
    stem = entry.removesuffix(_SUFFIX)
    if stem == entry or not entry.startswith("."):
        return False
    return name is None or stem.rpartition(".")[0] == f".{name}"


def _copy_owner_and_mode(descriptor: int, like: os.stat_result) -> None:
    if os.name != "posix":
        return
    with suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
