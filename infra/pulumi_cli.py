"""The command `pulumi`, run for its answer, and its end at Ctrl-C waited for."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.command_errors import CannotDo

_TIMEOUT_S = 120.0
_SAID = 300  # characters of what a command that failed has said
_NO_STACK = re.compile(r"no stack named '[^']*' found")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came while a command ran; that has ended. The message says so, and what to do."""


def program() -> str:
    """Return where the command is. Raises CannotDo."""
    found = shutil.which("pulumi")
    if found is None:
        raise CannotDo("the command pulumi is not on PATH")
    return found


def answer(folder: Path, stack: str | None, *arguments: str, value: str | None = None) -> str:
    """Run a command of the project in a folder, about a stack or about none, and return what it prints.

    arguments: the first two name the command, in errors as well. value: goes in by stdin, so that no list of processes
    shows it. Raises CannotDo.
    """
    about = [] if stack is None else ["--stack", stack]
    command = [program(), *arguments, *about, "--non-interactive"]
    what = f"pulumi {' '.join(arguments[:2])}"
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, cwd=folder, input=value, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotDo(f"{what}: {type(error).__name__}") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[:_SAID]
        remedy = f"; make it with `pulumi stack init {stack}`" if _NO_STACK.search(said) else ""
        raise CannotDo(f"{what} failed: {said or f'exit status {done.returncode}'}{remedy}")
    return done.stdout


@contextmanager
def waiting_at_interrupts(after: str) -> Iterator[None]:
    """Let Ctrl-C end the command that runs meanwhile, and this process only after it. For the main thread.

    A terminal sends the signal to both. At the first one pulumi finishes what it has begun and releases the lock, at
    the second it ends at once; killed, it would leave the lock and its plugins. after: what Interrupted says.
    Raises Interrupted at the end when a signal came; more signals are ignored from then on, as the process ends.
    """
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # the command is to inherit that
        yield
        return
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if came else before)
    if came:
        raise Interrupted(after)
