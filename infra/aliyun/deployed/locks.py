"""Locks of a stack that a killed `pulumi` has left behind."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

from infra import pulumi_cli
from infra.command_errors import CannotDo

_LOCKED = "the stack is currently locked"
_LOCK = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")  # of a state in files or a bucket


def unlock(folder: Path, stack: str, printed: str, say: Callable[[str], None]) -> bool:
    """Remove the locks of which a command complained; return whether there were any.

    Raises CannotDo when the process that holds one may still run.
    """
    if _LOCKED not in printed:
        return False
    holders = [(found["host"], int(found["pid"])) for found in _LOCK.finditer(printed)]
    for host, pid in holders:
        if host != socket.gethostname() or _runs(pid):
            raise CannotDo(
                f"the stack {stack} is locked by process {pid} on {host}; wait for it to end, or, if it is no pulumi"
                f" or does not run any more, run `pulumi cancel --stack {stack}`, then run this again"
            )
    if not holders:
        raise CannotDo(f"the stack {stack} is locked; if no pulumi runs, run `pulumi cancel --stack {stack}`")
    pulumi_cli.answer(folder, stack, "cancel", "--yes")
    say(f"the lock of process {holders[0][1]}, which was killed, is removed")
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
