"""Where the data directory and its socket are. Standard library only: `app.process.boot` and the bridge load it."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

from app.datadir.location import NAME, data_directory_name

MODELS_FOLDER = "models"  # here, so that a start without a model loads nothing more
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its final NUL


def data_directory(given: str | os.PathLike[str] | None) -> Path:
    """Return the data directory, as `data_directory_name` finds it. Raises RuntimeError."""
    return Path(data_directory_name(given))


def socket_path(directory: str | os.PathLike[str]) -> str:
    """Return the path of the daemon's Unix socket: in the data directory, or if that is too long, in a private one."""
    path = os.path.join(os.fspath(directory), "socket")  # noqa: PTH118
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = zlib.crc32(os.fsencode(os.path.realpath(directory)))
    return f"/tmp/{NAME}-{os.getuid()}-{digest:08x}/socket"  # noqa: S108  checked when it is made: app/datadir/unix_socket.py
