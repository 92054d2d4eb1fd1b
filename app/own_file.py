"""Opens files of a data directory into which others might write: never through a link, and only files that are ours.

A link there could name any file of ours, and opening a pipe would wait for ever. Standard library only: the bridge and
`app.process.boot` load it.
"""

from __future__ import annotations

import errno
import os
import stat


def open_own(path: str | os.PathLike[str], flags: int, mode: int = 0o600) -> int:
    """Return the descriptor of a plain file that belongs to us, to root, or to the owner of its folder.

    Raises OSError: ELOOP for a link, EPERM for what is no plain file or belongs to someone else. O_TRUNC takes effect
    only after that.
    """
    if os.name != "posix":
        return os.open(path, flags, mode)
    file = os.open(path, flags & ~os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    try:
        _check(path, os.fstat(file))
        if flags & os.O_TRUNC:
            os.ftruncate(file, 0)
    except OSError:
        os.close(file)
        raise
    return file


def _check(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EPERM, "it is not a plain file", os.fspath(path))
    if found.st_uid not in (os.geteuid(), 0, _owner_of_folder(path)):
        raise OSError(errno.EPERM, "it belongs to another user", os.fspath(path))


def _owner_of_folder(path: str | os.PathLike[str]) -> int:
    return os.stat(os.path.dirname(path) or ".").st_uid  # noqa: PTH116, PTH120  pathlib takes 5 ms to import
