"""Locks of processes that do not run any more are removed, and no others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from infra.aliyun.deployed.locks import unlock
from infra.command_errors import CannotDo
from tests.support.aliyun_stack import Stack


def locked(pid: int, host: str) -> str:
    """Return what the CLI prints of a lock."""
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the"
        f" lock file with `pulumi cancel`.\n  file:///state/lock.json: created by user@{host} (pid {pid}) at 2026-11-29"
    )


def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def cancels(stack: Stack) -> int:
    return sum(call[0] == "cancel" for call in stack.state["calls"])


def test_the_lock_of_a_dead_process_is_removed(stack: Stack) -> None:
    said: list[str] = []
    pid = dead()

    assert unlock(stack.folder, "aliyun", locked(pid, socket.gethostname()), said.append)
    assert (cancels(stack), said) == (1, [f"the lock of process {pid}, which was killed, is removed"])


@pytest.mark.parametrize(
    ("pid", "host"), [(os.getpid(), socket.gethostname()), (1, "another-host")], ids=["here", "elsewhere"]
)
def test_a_lock_whose_process_may_run_stays(stack: Stack, pid: int, host: str) -> None:
    with pytest.raises(CannotDo, match=f"locked by process {pid} on {host}; wait for it to end"):
        unlock(stack.folder, "aliyun", locked(pid, host), print)
    assert cancels(stack) == 0


def test_a_lock_of_which_nothing_is_known_stays(stack: Stack) -> None:
    with pytest.raises(CannotDo, match="if no pulumi runs, run `pulumi cancel --stack aliyun`"):
        unlock(stack.folder, "aliyun", "the stack is currently locked by 1 lock(s)", print)
    assert cancels(stack) == 0


def test_another_failure_is_no_lock(stack: Stack) -> None:
    assert not unlock(stack.folder, "aliyun", "error: 403 AccessDenied", print)
