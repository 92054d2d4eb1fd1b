"""Writes a file durably: beside its place, to the disk, then renamed. Readers find the old file or the new one, whole.

A failure or a crash at any step leaves one of the two. The draft that a crash leaves is removed by a later write.
Standard library only, and no module that the embedded PostgreSQL, which writes its configuration with it before the
server is imported, has not loaded already.
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

ABANDONED_S = 3_600.0  # a draft that was not written to for so long belongs to a process that was killed
_SUFFIX = ".unfinished"


class Draft:
    """A file that is written beside its place; `commit` or `discard` ends it. For writers that work in threads.

    `file` is its binary file, readable for its owner only until `commit`.
    """

    def __init__(self, path: Path, *, like: os.stat_result | None = None, alone: bool = False) -> None:
        """Open it, and remove abandoned drafts of the same path. Raises OSError.

        like: whose owner (where permitted) and mode the file gets; None: the process's own, and 0600.
        alone: no other process writes this path, so every other draft of it is abandoned.
        """
        remove_abandoned(path.parent, path.name, older_than_s=0.0 if alone else ABANDONED_S)
        self._path, self._like = path, like
        self._draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_SUFFIX}")
        self.file: BinaryIO = open(self._draft, "xb", opener=_private)  # noqa: SIM115 - pathlib has no opener

    def commit(self) -> None:
        """Put it on the disk and in its place. Raises OSError; the draft is then still to be discarded."""
        self.file.flush()
        if self._like is not None:
            _make_alike(self.file.fileno(), self._like)
        os.fsync(self.file.fileno())
        self.file.close()
        self._draft.replace(self._path)
        sync(self._path.parent)

    def discard(self) -> None:
        """Remove it; what is in its place stays. After a commit there is nothing to remove."""
        with suppress(OSError):  # a full disk refuses what is still in the buffer
            self.file.close()
        with suppress(OSError):
            self._draft.unlink()


@contextmanager
def replacing(path: Path, *, like: os.stat_result | None = None, alone: bool = False) -> Iterator[BinaryIO]:
    """Open a draft for the block; it takes its place when the block ends well. Arguments and errors as Draft has."""
    draft = Draft(path, like=like, alone=alone)
    try:
        yield draft.file
        draft.commit()
    except BaseException:
        draft.discard()
        raise


def replace_file(path: Path, content: bytes, *, like: os.stat_result | None = None, alone: bool = False) -> None:
    """Replace a file, or create it. Arguments and errors as Draft has."""
    with replacing(path, like=like, alone=alone) as file:
        file.write(content)


def remove_abandoned(folder: Path, name: str | None = None, *, older_than_s: float = ABANDONED_S) -> None:
    """Remove what killed processes left of drafts in a folder: those of one file name, or all."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _is_draft(entry.name, name):
                with suppress(OSError):  # another process was quicker
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older_than_s:
                        os.unlink(entry.path)  # noqa: PTH108 - a path of scandir is text


def sync(path: Path) -> None:
    """Put a file's content, or a folder's entries, on the disk. Raises OSError when the disk fails.

    Nothing is done where that cannot be asked for: on what may not be read, such as any folder on Windows, and on file
    systems that cannot sync folders.
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_draft(entry: str, name: str | None) -> bool:
    beginning = entry.removesuffix(_SUFFIX)
    if beginning == entry or not entry.startswith("."):
        return False
    return name is None or beginning.rpartition(".")[0] == f".{name}"


def _make_alike(descriptor: int, like: os.stat_result) -> None:
    if os.name != "posix":
        return
    with suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
