"""Notes which data directories this user's servers run on, so that a command can say where one runs.

The register is a private folder with a file for each directory, which holds its path. That a server really runs there
is for its lock to say (`app/datadir/lock.py`): an entry whose lock no server holds is removed by whoever reads it.
Standard library only: a server enters itself before it answers.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib

from app.datadir.location import NAME

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

_SERVERS = ("serve", "daemon")  # modes of the lock


def enter(data_dir: str) -> None:
    """Note that a server runs on a data directory; its process holds the lock. A failed write does no harm."""
    folder = _folder()
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)  # noqa: PTH102  pathlib takes 5 ms to import
        if _is_private(folder):
            path = _path(folder, data_dir)
            with open(f"{path}.{os.getpid()}", "wb") as file:  # noqa: PTH123
                file.write(os.fsencode(data_dir))
            os.replace(file.name, path)  # noqa: PTH105


def leave(data_dir: str) -> None:
    """Remove the note; idempotent. Only the holder of the lock may call."""
    with contextlib.suppress(OSError):
        os.unlink(_path(_folder(), data_dir))  # noqa: PTH108


def running() -> dict[str, dict[str, Any]]:
    """Return the data directories that a server of this user runs on, with what each says of itself in its lock."""
    from pathlib import Path

    from app.datadir.lock import holder

    folder, found = _folder(), {}
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder) if _is_private(folder) else ():
            if "." in entry.name:  # being written, or left by a server that was killed meanwhile
                continue
            data_dir = os.fsdecode(Path(entry.path).read_bytes())
            held_by = holder(Path(data_dir)) or {}
            if held_by.get("mode") in _SERVERS:
                found[data_dir] = held_by
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108
    return found


def _folder() -> str:
    """Return the register's folder: in the user's runtime folder, else in /tmp."""
    uid = os.getuid() if hasattr(os, "getuid") else 0
    for runtime in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"):
        if runtime and os.path.isdir(runtime) and os.access(runtime, os.W_OK):  # noqa: PTH112
            return os.path.join(runtime, NAME)  # noqa: PTH118
    return f"/tmp/{NAME}-{uid}"  # noqa: S108  used only if it is this user's and private


def _is_private(folder: str) -> bool:
    if not hasattr(os, "geteuid"):
        return False
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _path(folder: str, data_dir: str) -> str:
    return os.path.join(folder, f"{zlib.crc32(os.fsencode(os.path.realpath(data_dir))):08x}")  # noqa: PTH118
