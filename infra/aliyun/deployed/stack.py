"""Changes a stack: its key `release`, and `pulumi up`, which is repeated when Alibaba Cloud has too many requests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from infra import pulumi_cli
from infra.aliyun.deployed.releases import Wanted, settings
from infra.aliyun.deployed.repeating import TRIES, repeated
from infra.command_errors import CannotDo

_EXISTS = re.compile(r"Already_?Exist|BucketAlready", re.I)

Say = Callable[[str], None]


class UpFailed(CannotDo):
    """`pulumi up` failed; what it printed says why."""


def write_release(folder: Path, stack: str, wanted: Wanted, present: Mapping[str, object]) -> None:
    """Write the key `release` to the stack's file. Raises CannotDo."""
    put, gone = settings(wanted, present)
    for path, value in put.items():
        kind = () if path == "release.canary" else ("--type", "string")  # a name of digits alone is no number
        pulumi_cli.answer(folder, stack, "config", "set", "--path", path, value, *kind)
    for path in gone:
        pulumi_cli.answer(folder, stack, "config", "rm", "--path", path)


def up(folder: Path, stack: str, *, say: Say, sleep: Callable[[float], object]) -> int:
    """Run `pulumi up`, showing what it prints on stderr; return how many times it ran.

    Raises UpFailed, CannotDo, and Interrupted after Ctrl-C, when `pulumi up` has ended.
    """
    status = 0

    def run() -> str | None:
        nonlocal status
        status, printed = _run(folder, stack)
        return printed if status else None

    ended = repeated(run, "pulumi up", folder=folder, stack=stack, say=say, sleep=sleep)
    if ended.printed is None:
        return ended.runs
    if ended.refused:
        raise UpFailed(f"pulumi up was refused {TRIES} times with 429 (too many requests); `up` goes on later")
    raise UpFailed(f"pulumi up failed with status {status}; {_remedy(ended.printed)}, then `up` goes on")


def _remedy(printed: str) -> str:
    if _EXISTS.search(printed):
        return "if no other stack has what exists already, an answer was lost: run `recover --adopt`"
    return "correct what it says above"


def _run(folder: Path, stack: str) -> tuple[int, str]:
    command = [pulumi_cli.program(), "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack]
    try:
        with (
            pulumi_cli.waiting_at_interrupts("pulumi up has ended; `up` goes on"),
            subprocess.Popen(  # noqa: S603 - our own words
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            printed = _passed_on(process.stdout)
    except OSError as error:
        raise CannotDo(f"pulumi up: {type(error).__name__}") from None
    return process.returncode, printed


def _passed_on(lines: Iterable[str]) -> str:
    """Show lines as they come; return all of them. Results alone go to stdout, so these do not."""
    kept = []
    for line in lines:
        with suppress(BrokenPipeError):  # a `tee` that Ctrl-C ended; pulumi still has to be read to its end
            sys.stderr.write(line)
            sys.stderr.flush()
        kept.append(line)
    return "".join(kept)
