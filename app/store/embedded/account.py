"""The system user that runs PostgreSQL: ours, or an unprivileged one for root, which PostgreSQL refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Numbers of users that no system gives out: distributions and systemd leave these free (systemd's UIDS-GIDS.md), and
# they lie below the 65,536 that the user namespace of a container has.
OURS = range(60_578, 61_184)
NOBODY = 65_534  # which earlier versions used; other programs run as that, too


class Account:
    """The user the server runs as. switched: true when we are root and it is another user."""

    __slots__ = ("gid", "switched", "uid")

    def __init__(self, uid: int, gid: int, *, switched: bool) -> None:
        self.uid = uid
        self.gid = gid
        self.switched = switched

    @classmethod
    def of(cls, cluster: Path) -> Account:
        """Return the account for this process: for root, the cluster's own one, which its ownership records.

        For a cluster that has none, or is not there yet, it is that of earlier versions (`settling` changes that).
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switched=False)
        try:
            owner = cluster.lstat().st_uid
        except OSError:
            owner = NOBODY
        return cls.numbered(owner if owner in OURS else NOBODY)

    @classmethod
    def numbered(cls, uid: int) -> Account:
        """Return another user's account, with the group of the same number. For root."""
        return cls(uid, uid, switched=True)

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
