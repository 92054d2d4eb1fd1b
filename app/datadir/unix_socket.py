"""Creates the Unix socket of a data directory, for this user only. Standard library only, for `app.process.boot`."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from app.datadir.location import NAME
from app.errors import MemoryServerError

BACKLOG = 128


class SocketUnusable(MemoryServerError):
    """The Unix socket cannot be created where it must be."""

    code = "socket_unusable"
    status = 503


def listen(path: str) -> socket.socket:
    """Return a socket that listens at the path, replacing an old one. Only the data directory's holder may call.

    Raises SocketUnusable.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.path.dirname(path)  # noqa: PTH120  pathlib takes 5 ms to import
        if folder.startswith(f"/tmp/{NAME}-{os.getuid()}-"):  # noqa: S108  the data directory's own path was too long
            _make_private(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  left by a holder that was killed
        mask = os.umask(0o177)  # the file has mode 0600 from the start: others can never connect
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SocketUnusable(f"socket {path}: {error.strerror or error}; choose another --data-dir") from error
    except SocketUnusable:
        listener.close()
        raise
    return listener


def _make_private(folder: str) -> None:
    """Create a folder where any user may create one; refuse a folder that another user created."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)  # noqa: PTH102
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SocketUnusable(
            f"another user created {folder}, so no socket is made there; remove it, or choose a shorter --data-dir"
        )
