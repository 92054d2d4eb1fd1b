"""Gives each cluster that root runs a system user of its own, which nothing else on the machine runs as.

The user is a number without an entry in /etc/passwd. The owner of the cluster's folder records it for ever. Numbers
that clusters of this machine have are noted in a folder of root's, as links that lead to their clusters.

`initdb` asks for the name of its user. So a cluster is created by an account that has a name and no processes, and
handed over before it holds anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.errors import StoreUnavailable
from app.store.embedded import binaries, processes
from app.store.embedded.account import NOBODY, OURS, Account
from app.store.embedded.cluster import Cluster

_CREATION_S = 600.0  # a noted cluster may not be there yet for this long


def settle(cluster: Cluster) -> None:
    """Set the account that runs the cluster from now on; one that `nobody` owns is handed over first.

    Only the owner of the data directory may call this. Killed at any step, the next call finishes the work.
    Raises StoreUnavailable.
    """
    if not cluster.account.switched:
        return
    if not cluster.path.exists():
        cluster.account = Account.numbered(_free(cluster))
    elif cluster.account.uid in OURS:
        _note(cluster.account.uid, cluster.path, only_lasting=False)  # the folder may have been moved, or copied here
    elif cluster.account.owns(cluster.path):
        if (postmaster := cluster.postmaster()) is not None:
            processes.end_left_overs(cluster.mark, cluster.account, postmaster[0])
        begun = (cluster.path / "PG_VERSION").lstat().st_uid
        account = Account.numbered(begun if begun in OURS else _free(cluster))
        hand_over(cluster.path, NOBODY, account)
        cluster.account = account


def hand_over(folder: Path, owner: int, account: Account) -> None:
    """Make the account the owner of all that belongs to `owner` in a cluster's folder, and at last of the folder.

    No link is followed, whatever `owner` does meanwhile. PG_VERSION comes first, and so tells which account it is.
    """
    first = folder / "PG_VERSION"
    if first.lstat().st_uid == owner:
        account.give(first)
    for _, folders, files, descriptor in os.fwalk(folder, topdown=False):
        for name in (*files, *folders):
            if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == owner:
                os.chown(name, account.uid, account.gid, dir_fd=descriptor, follow_symlinks=False)
    account.give(folder)


def named() -> Account:
    """Return an unprivileged account that has a name: one that no process runs as, if there is one."""
    busy, found = set(_of_processes()), None
    for uid in _entries(Path("/etc/passwd")):
        if 0 < uid < 1_000 or uid == NOBODY:  # not a person's
            if uid not in busy:
                return Account.numbered(uid)
            found = found or uid
    return Account.numbered(found or NOBODY)


def _free(cluster: Cluster) -> int:
    """Return a number that no user, group, process or other cluster has, and note it. Raises StoreUnavailable."""
    import random  # takes 4 ms, needed once

    used = {*_entries(Path("/etc/passwd")), *_entries(Path("/etc/group")), *_of_processes()}
    numbers = [uid for uid in OURS if uid not in used and _is_mapped(uid)]
    random.shuffle(numbers)
    for only_lasting in (False, True):  # at last, take also a number whose cluster is still to be created
        for uid in numbers:
            if _note(uid, cluster.path, only_lasting=only_lasting):
                return uid
    raise StoreUnavailable(
        f"no user is free to run the embedded PostgreSQL: every number from {OURS[0]} to {OURS[-1]} is one of"
        " a user, group, process or other data directory; start the server as another user than root,"
        " or set DATABASE_URL to a server"
    )


def _note(uid: int, cluster: Path, *, only_lasting: bool) -> bool:
    """Note that a cluster has a number; report whether it may have it."""
    link = binaries.shared() / f"user-{uid}"
    try:
        link.symlink_to(cluster)
    except FileExistsError:
        if _is_taken(link, uid, cluster, only_lasting=only_lasting):
            return False
        with suppress(OSError):
            link.unlink()
            link.symlink_to(cluster)
    except OSError:  # nothing can be noted here, as in a container with a read-only system
        pass
    return True


def _is_taken(link: Path, uid: int, cluster: Path, *, only_lasting: bool) -> bool:
    try:
        other, noted_at = link.readlink(), link.lstat().st_mtime
        if other == cluster:
            return False
        return other.lstat().st_uid == uid
    except FileNotFoundError:
        return not only_lasting and time.time() - noted_at < _CREATION_S
    except OSError:
        return True


def _entries(file: Path) -> Iterator[int]:
    """Yield the numbers in /etc/passwd or /etc/group."""
    with suppress(OSError):
        for line in file.read_text(errors="replace").splitlines():
            number = line.split(":")[2:3]
            if number and number[0].isdigit():
                yield int(number[0])


def _of_processes() -> Iterator[int]:
    """Yield the users that processes run as."""
    with suppress(FileNotFoundError):  # macOS
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with suppress(OSError):  # it ended while we looked
                    yield entry.stat().st_uid


def _is_mapped(uid: int) -> bool:
    """Report whether the user namespace of this process has a number."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return True
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in map(str.split, lines))
