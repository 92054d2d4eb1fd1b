"""Where the data directory is. Standard library only: `app.process.boot` asks before anything is imported."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from pathlib import Path

NAME = "claude-memory"
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its final NUL


def data_directory(given: str | os.PathLike[str] | None) -> Path:
    """Return the data directory, absolute and not created: `given`, or the platform's user data folder.

    Raises RuntimeError where it is below the home of a user who is not there.
    """
    from pathlib import Path

    return Path(data_directory_name(given))


def data_directory_name(given: str | os.PathLike[str] | None) -> str:
    """Return the same as text: pathlib takes 5 ms to import, of the 25 that a start has until its port is open.

    So does platformdirs, whose rule for Linux is written out here.
    """
    if given is not None and os.fspath(given):
        return os.path.join(os.getcwd(), _expanded(os.fspath(given)))  # noqa: PTH109, PTH118
    if os.name == "posix" and os.geteuid() == 0:
        return f"/var/lib/{NAME}"
    if sys.platform.startswith("linux"):
        base = os.environ.get("XDG_DATA_HOME", "").strip() or "~/.local/share"
        return f"{_expanded(base)}/{NAME}"
    from platformdirs import user_data_dir

    return user_data_dir(NAME, appauthor=False)


def socket_path(directory: str | os.PathLike[str]) -> str:
    """Return the path of the daemon's Unix socket: in the data directory, in a private one where that is too long."""
    path = os.path.join(os.fspath(directory), "socket")  # noqa: PTH118
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    import zlib

    digest = zlib.crc32(os.fsencode(os.path.realpath(directory)))
    return f"/tmp/{NAME}-{os.getuid()}-{digest:08x}/socket"  # noqa: S108  checked when it is made: app/datadir/unix_socket.py


def _expanded(path: str) -> str:
    expanded = os.path.expanduser(path)  # noqa: PTH111
    if expanded.startswith("~"):
        raise RuntimeError(f"{path}: there is no such home")
    return expanded
