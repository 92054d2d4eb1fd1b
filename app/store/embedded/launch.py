"""Become another program that gets a signal when the parent ends. Linux only; runs by path, without `app`.

    python -I -S launch.py PARENT_PID SIGNAL ACCOUNT PROGRAM ARGUMENT…

ACCOUNT is `uid:gid`, or `-` to stay who we are. A program of its own, because a `preexec_fn` runs Python
between fork and exec of a process with threads; and setuid comes first, because it clears the wish.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, signum: str, account: str, program: str, *arguments: str) -> None:
    """Never returns, except by an error."""
    if account != "-":
        uid, gid = map(int, account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))
    if os.getppid() != int(parent):
        sys.exit("the parent ended before the wish to follow it was made")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"FATAL: cannot run {sys.argv[4]} as {sys.argv[3]}: {error.strerror}")
