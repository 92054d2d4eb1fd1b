"""Which system user runs PostgreSQL: ourselves, or for root (which it refuses) an unprivileged one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# `nobody` nearly everywhere: owns no files, and initdb finds a name for it.
_UNPRIVILEGED = 65534


class Account:
    """The user the server runs as; `switched` when we are root and it is another one."""

    __slots__ = ("gid", "switched", "uid")

    def __init__(self, uid: int, gid: int, *, switched: bool) -> None:
        self.uid = uid
        self.gid = gid
        self.switched = switched

    @classmethod
    def current(cls) -> Account:
        """The account for this process."""
        if os.geteuid() == 0:
            return cls(_UNPRIVILEGED, _UNPRIVILEGED, switched=True)
        return cls(os.geteuid(), os.getegid(), switched=False)

    def owns(self, path: Path) -> bool:
        """Whether the path itself, not what it points at, belongs to this account."""
        return path.lstat().st_uid == self.uid

    def give(self, target: Path | int) -> None:
        """Hand a file of ours (path or descriptor) to this account."""
        if not self.switched:
            return
        if isinstance(target, int):
            os.fchown(target, self.uid, self.gid)
        else:
            os.chown(target, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder down to this one lets the account pass, by mode (access lists are not read)."""
        return all(self._may(step, 0o1) for step in (folder, *folder.parents))

    def can_read(self, file: Path, *, run: bool = False) -> bool:
        """Whether the account can read, or run, a file."""
        return file.exists() and self.can_enter(file.parent) and self._may(file, 0o5 if run else 0o4)

    def _may(self, path: Path, bits: int) -> bool:
        info = path.stat()
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid == self.gid else 0
        return (info.st_mode >> shift) & bits == bits


def own_name() -> str | None:
    """The login name of this process's user, or None when the system knows none (a container's bare uid)."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
