"""Children that end with us, and the left-overs of a supervisor or a postmaster that was killed."""

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
_FIRST_POLL_S, _LAST_POLL_S = 0.002, 0.03  # short against the 30 ms a start takes, easy on a long wait
# A child needs no more, and the server must not see our secrets or a stray PGOPTIONS.
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

    On Linux it gets `death_signal` when the calling *thread* ends: call from one that outlives the program.

    The working directory is entered before privileges are dropped, so folders above it may be closed to the
    account. A session of its own keeps Ctrl-C away: we stop the server ourselves, when all else is done.
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
    """Poll until the condition holds; False when patience ran out first."""
    deadline = time.monotonic() + patience_s
    pause_s = _FIRST_POLL_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.1, _LAST_POLL_S)
    return True


def of_cluster(mark: str, account: Account) -> list[int]:
    """The pids of all PostgreSQL processes, postmaster and children, that carry the cluster's mark.

    The mark is their cluster_name, which each shows in its title. Titles can be read where the working
    directory of another user's process cannot (root in a container). The owner is compared, so no other user
    can pose as one.
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
    """Wait for processes of an earlier server on this cluster to end, asking harder and harder.

    postmaster: the pid its lock file names. A living one gets a fast shutdown (SIGINT), which saves the next
    start a recovery; backends whose postmaster was killed notice by themselves, but not in a long query.
    Raises StoreUnavailable when some survive even SIGKILL.
    """

    def rest() -> list[int]:
        return of_cluster(mark, account)

    def gone() -> bool:
        return not rest()

    if gone():
        return
    if postmaster in rest():
        _signal([postmaster], signal.SIGINT)
    for signum, patience_s in ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 3.0)):
        if wait_until(gone, patience_s=patience_s):
            return
        _signal(rest(), signum)
    if not wait_until(gone, patience_s=5.0):
        raise StoreUnavailable(
            f"an earlier PostgreSQL on the same data does not end (pid {', '.join(map(str, rest()))});"
            " end it and start again"
        )


def _signal(pids: Sequence[int], signum: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def exists(pid: int) -> bool:
    """Whether any process has this pid, also one of another user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
