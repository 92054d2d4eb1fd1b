"""Where the data directory is. Standard library only: `app.process.boot` asks before anything is imported."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

NAME = "claude-memory"
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its final NUL


def data_directory(given: str | os.PathLike[str] | None) -> Path:
    """Return the data directory, absolute and not created: `given`, or the platform's user data folder.

    On Linux this is platformdirs' rule written out, because importing platformdirs takes 5 to 10 ms
    of the 25 a start has until its port is open.
    """
    if given is not None and os.fspath(given):
        return Path(given).expanduser().absolute()
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib", NAME)
    if sys.platform.startswith("linux"):
        base = os.environ.get("XDG_DATA_HOME", "").strip() or "~/.local/share"
        return Path(base).expanduser() / NAME
    from platformdirs import user_data_path

    return user_data_path(NAME, appauthor=False)


def socket_path(directory: str | os.PathLike[str]) -> str:
    """Return the path of the daemon's Unix socket: in the data directory, in a private one where that is too long."""
    path = os.path.join(os.fspath(directory), "socket")  # noqa: PTH118
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = zlib.crc32(os.fsencode(os.path.realpath(directory)))
    return f"/tmp/{NAME}-{os.getuid()}-{digest:08x}/socket"  # noqa: S108  checked when it is made: app/datadir/unix_socket.py
