"""The command `pulumi`, run for its answer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from infra.command_errors import CannotDo

_TIMEOUT_S = 120.0
_SAID = 300  # characters of what a command that failed has said


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
        raise CannotDo(f"{what} failed: {said or f'exit status {done.returncode}'}")
    return done.stdout
