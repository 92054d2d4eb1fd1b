"""The system user that runs PostgreSQL: ours, or an unprivileged one for root, which PostgreSQL refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# `nobody` nearly everywhere: owns no files, and initdb finds a name for it.
_UNPRIVILEGED = 65534


class Account:
    """The user the server runs as. switched: true when we are root and it is another user."""

    __slots__ = ("gid", "switched", "uid")

    def __init__(self, uid: int, gid: int, *, switched: bool) -> None:
        self.uid = uid
        self.gid = gid
        self.switched = switched

    @classmethod
    def current(cls) -> Account:
        """Return the account for this process."""
        if os.geteuid() == 0:
            return cls(_UNPRIVILEGED, _UNPRIVILEGED, switched=True)
        return cls(os.geteuid(), os.getegid(), switched=False)

    def owns(self, path: Path) -> bool:
        """Report whether the path itself, not a link's target, belongs to this account."""
        return path.lstat().st_uid == self.uid

    def give(self, target: Path | int) -> None:
        """Make this account the owner of a file (path or descriptor)."""
        if not self.switched:
            return
        if isinstance(target, int):
            os.fchown(target, self.uid, self.gid)
        else:
            os.chown(target, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, folder: Path) -> bool:
        """Report whether the account may pass every folder down to this one, by mode only (not access lists)."""
        return all(self._may(step, 0o1) for step in (folder, *folder.parents))

    def can_read(self, file: Path, *, run: bool = False) -> bool:
        """Report whether the account can read, or run, a file."""
        return file.exists() and self.can_enter(file.parent) and self._may(file, 0o5 if run else 0o4)

    def _may(self, path: Path, bits: int) -> bool:
        info = path.stat()
        shift = 6 if info.st_uid == self.uid else 3 if info.st_gid == self.gid else 0
        return (info.st_mode >> shift) & bits == bits


def own_name() -> str | None:
    """Return the login name of this process's user, or None if it has none (a bare uid in a container)."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
