"""Tells how much space a disk has left, in words too, and takes space before it is needed.

Standard library only: a server uses it before it answers.
"""

from __future__ import annotations

import errno
import os

LOW_INODES = 16  # with fewer left, even a write that replaces a file may fail
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_WORDS = {
    errno.ENOSPC: "no space left; free some",
    errno.EDQUOT: "the disk quota is used up; free some space, or have it raised",
    errno.EROFS: "the file system is read-only; make it writable, or choose another",
}
# Where blocks cannot be allocated ahead: the checks of free space remain.
_CANNOT_ALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOSYS)


def words_for(error: OSError) -> str | None:
    """Return why a disk takes nothing more and what to do, in words; None for any other error."""
    return _WORDS.get(error.errno or 0)


def shortage(folder: str | os.PathLike[str], needed: int) -> str | None:
    """Return why `needed` bytes cannot be written to a folder's disk, in one line without its path; None if they can.

    Takes microseconds. It knows nothing of quotas. Raises OSError for a folder not there.
    """
    disk = os.statvfs(folder)
    if disk.f_flag & os.ST_RDONLY:
        return f"the data directory cannot be written to: {_WORDS[errno.EROFS]}"
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        return (
            f"the disk of the data directory has {megabytes(free)} left, {megabytes(needed)} are needed;"
            " free some space"
        )
    if disk.f_files and disk.f_favail < LOW_INODES:  # 0 files: it has no fixed number of them
        return f"the disk of the data directory has room for {disk.f_favail} more files only; delete some"
    return None


def megabytes(size: int) -> str:
    """Return a size for people, such as `12 MB`."""
    return f"{size / 1_000_000:,.0f} MB"


def allocate(descriptor: int, size: int) -> None:
    """Allocate the blocks of a file up to `size`; it gets that long. Does nothing where the system cannot."""
    take = getattr(os, "posix_fallocate", None)  # not on macOS
    if take is None or not size:
        return
    try:
        take(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _CANNOT_ALLOCATE:
            raise
