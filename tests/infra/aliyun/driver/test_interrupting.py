"""Ctrl-C while `pulumi up` runs: it ends first, in order, then the command."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO

import pytest

from tests.support.aliyun_stack import RELEASES, Stack
from tests.support.serving import ROOT

A, B, _, _ = RELEASES
STOPPED = "stopped; pulumi up has ended; `up` goes on\n"

Start = Callable[..., tuple[subprocess.Popen[str], IO[str]]]


@pytest.fixture
def start(stack: Stack) -> Iterator[Start]:
    """Starts a command in a group of its own, as a shell does; returns it and what it says."""
    stack.run_endlessly()
    stack.output(release=B, serving=B, releases={A: "1", B: "2"})
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> tuple[subprocess.Popen[str], IO[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.aliyun", *arguments],
            cwd=stack.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stderr is not None
        return process, process.stderr

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        with process:
            pass  # its pipe is closed


def until(said: IO[str], words: str) -> str:
    """Read up to a line with these words, and return that line."""
    return next(line for line in said if words in line)


def pulumi_of(said: IO[str]) -> int:
    """Wait until `pulumi up` runs; return its process."""
    found = re.search(r"\d+", until(said, "runs as"))
    assert found is not None
    return int(found[0])


def ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def assert_gone(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "arguments", [["up"], ["release", "--no-invoke"], ["rollback", "--no-invoke"]], ids=lambda words: words[0]
)
def test_pulumi_ends_in_order_and_what_it_says_is_shown(arguments: list[str], start: Start) -> None:
    process, said = start(*arguments, "--yes")
    pulumi = pulumi_of(said)

    ctrl_c(process)

    assert said.read() == f"waits for what it has begun\nended in order\n{STOPPED}"
    assert process.wait(10) == 130
    assert_gone(pulumi)


def test_more_of_them_reach_pulumi_too_and_leave_no_traceback(start: Start) -> None:
    process, said = start("up", "--yes")
    pulumi = pulumi_of(said)

    ctrl_c(process)
    until(said, "waits for")
    ctrl_c(process)
    until(said, "ended at once")
    ctrl_c(process)

    assert said.read() == STOPPED
    assert process.wait(10) == 130
    assert_gone(pulumi)


def test_pulumi_ends_in_order_when_the_reader_of_the_output_has_left(stack: Stack, start: Start) -> None:
    process, said = start("up", "--yes")
    pulumi = pulumi_of(said)

    said.close()
    ctrl_c(process)

    assert process.wait(10) == 130
    assert stack.state["ended_in_order"]
    assert_gone(pulumi)
