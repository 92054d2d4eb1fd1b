"""Changes a stack: its key `release`, and `pulumi up`, which is repeated when Alibaba Cloud has too many requests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.backoff import Backoff
from infra import pulumi_cli
from infra.aliyun.deployed.releases import Wanted, settings
from infra.command_errors import CannotDo

TRIES = 6
WAITS = Backoff(first_s=10.0, longest_s=120.0)
# What the provider does not retry by itself: it fails at once, and another run goes on where it stopped.
_THROTTLED = re.compile(r"ResourceThrottled|TooManyRequests|Throttling|StatusCode:? ?429|\b429\b.{0,40}Too Many", re.I)

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
    """Run `pulumi up`, showing what it prints on stderr; return how many times it ran. Raises UpFailed, CannotDo."""
    for tries in range(1, TRIES + 1):
        status, printed = _run(folder, stack)
        if status == 0:
            return tries
        if not _THROTTLED.search(printed):
            raise UpFailed(f"pulumi up failed with status {status}; correct what it says above, then `up` goes on")
        if tries < TRIES:
            wait_s = WAITS.wait_s(tries)
            say(f"Alibaba Cloud has too many requests (429); pulumi up runs again in {wait_s:.0f} s")
            sleep(wait_s)
    raise UpFailed(f"pulumi up was refused {TRIES} times with 429 (too many requests); `up` goes on later")


def _run(folder: Path, stack: str) -> tuple[int, str]:
    command = [pulumi_cli.program(), "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack]
    try:
        with subprocess.Popen(  # noqa: S603 - our own words
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            printed = _passed_on(process.stdout)
    except OSError as error:
        raise CannotDo(f"pulumi up: {type(error).__name__}") from None
    return process.returncode, printed


def _passed_on(lines: Iterable[str]) -> str:
    """Show lines as they come; return all of them. Results alone go to stdout, so these do not."""
    kept = []
    for line in lines:
        sys.stderr.write(line)
        sys.stderr.flush()
        kept.append(line)
    return "".join(kept)
