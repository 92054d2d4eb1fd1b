"""Starts child processes that end with us, and ends the leftovers of a killed supervisor or postmaster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from app.errors import StoreUnavailable
from app.store.embedded.account import Account

_LAUNCH = Path(__file__).with_name("launch.py")
_FIRST_POLL_S, _LAST_POLL_S = 0.002, 0.03  # short compared with a start's 30 ms, cheap on a long wait
# All that a child needs: the server must not see our secrets or a stray PGOPTIONS.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def spawn(
    arguments: Sequence[str | Path],
    *,
    account: Account,
    folder: Path,
    log: int,
    stdin: int = subprocess.DEVNULL,
    death_signal: int = signal.SIGINT,
) -> subprocess.Popen[bytes]:
    """Start a program in `folder` as `account`.

    On Linux it gets `death_signal` when the calling *thread* ends, so call this from a thread that outlives it.

    It enters the working directory before it drops privileges, so the account need not be able to enter the folders
    above. Its own session keeps Ctrl-C away from it: we stop the server ourselves, after everything else.
    """
    command = [str(argument) for argument in arguments]
    who = f"{account.uid}:{account.gid}" if account.switched else "-"
    if sys.platform == "linux" and sys.executable:
        shim = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(death_signal)), who]
        command, switch = [*shim, *command], False
    else:
        switch = account.switched
    return subprocess.Popen(  # noqa: S603 - our own programs, no shell
        command,
        cwd=folder,
        env=_ENVIRONMENT,
        stdin=stdin,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=account.uid if switch else None,
        group=account.gid if switch else None,
        extra_groups=[] if switch else None,
    )


def wait_until(condition: Callable[[], bool], *, patience_s: float) -> bool:
    """Poll until the condition holds; return False if `patience_s` passes first."""
    deadline = time.monotonic() + patience_s
    pause_s = _FIRST_POLL_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.1, _LAST_POLL_S)
    return True


def of_cluster(mark: str, account: Account) -> list[int]:
    """Return the pids of all PostgreSQL processes, postmaster and children, with the cluster's mark.

    The mark is their cluster_name, which each shows in its title. A title is readable even if the working directory
    of another user's process is not (root in a container). Comparing the owner keeps other users from posing as one.
    """
    lines = _processes_of_linux() if sys.platform == "linux" else _processes_of_ps()
    return [pid for pid, uid, title in lines if uid == account.uid and mark in title and _is_postgres(title)]


def _is_postgres(title: str) -> bool:
    program = title.split(maxsplit=1)[0]
    return program == "postgres:" or program.endswith("/postgres")


def _processes_of_linux() -> Iterator[tuple[int, int, str]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we looked
                title = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if title.strip():  # empty: a kernel thread, or a zombie
                    yield int(entry.name), entry.stat().st_uid, title


def _processes_of_ps() -> Iterator[tuple[int, int, str]]:
    listing = subprocess.run(
        ["/bin/ps", "-axwwo", "pid=,uid=,stat=,command="],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    for line in listing.stdout.splitlines():
        pid, uid, state, *title = line.split(maxsplit=3)
        if title and not state.startswith("Z"):
            yield int(pid), int(uid), title[0]


def end_left_overs(mark: str, account: Account, postmaster: int) -> None:
    """End the processes of an earlier server on this cluster, with stronger and stronger signals.

    postmaster: the pid in its lock file. If it is alive it gets a fast shutdown (SIGINT), which saves the next start a
    recovery. Backends of a killed postmaster end by themselves, but not during a long query.
    Raises StoreUnavailable when some survive even SIGKILL.
    """

    def remaining() -> list[int]:
        return of_cluster(mark, account)

    def all_ended() -> bool:
        return not remaining()

    if all_ended():
        return
    if postmaster in remaining():
        _signal([postmaster], signal.SIGINT)
    for signum, patience_s in ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 3.0)):
        if wait_until(all_ended, patience_s=patience_s):
            return
        _signal(remaining(), signum)
    if not wait_until(all_ended, patience_s=5.0):
        raise StoreUnavailable(
            f"an earlier PostgreSQL on the same data does not end (pid {', '.join(map(str, remaining()))});"
            " end it and start again"
        )


def _signal(pids: Sequence[int], signum: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def exists(pid: int) -> bool:
    """Report whether any process has this pid, including other users' processes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
