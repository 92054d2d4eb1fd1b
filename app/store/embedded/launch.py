"""Executes another program that gets a signal when its parent ends. Linux only; run by path, without `app`.

    python -I -S launch.py PARENT_PID SIGNAL ACCOUNT PROGRAM ARGUMENT…

ACCOUNT is `uid:gid`, or `-` to keep the present one. This is a separate program because a `preexec_fn` would run
Python between fork and exec of a process with threads. setuid comes first, because it clears the death signal.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, signum: str, account: str, program: str, *arguments: str) -> None:
    """Replace this process by the program; return only by an error."""
    if account != "-":
        uid, gid = map(int, account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its death signal was set")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"FATAL: cannot run {sys.argv[4]} as {sys.argv[3]}: {error.strerror}")
