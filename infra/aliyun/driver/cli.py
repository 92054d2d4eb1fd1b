"""The commands put together, and their errors turned into one line and an exit status.

0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from app.terminal import clean_output
from infra.aliyun.api.access import NoKeys
from infra.aliyun.api.errors import ApiError
from infra.aliyun.driver import bundle, check, cost, invoke, logs, recover, release, rollback, up
from infra.aliyun.driver.session import Session
from infra.command_errors import CannotDo
from infra.errors import InfraError

PROGRAM = "python -m infra.aliyun"


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description="Looks at a stack on Alibaba Cloud, tests it, and releases to it.",
        epilog="0: done, 1: failed, 2: wrong usage. docs/aliyun.md goes through all of it.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (bundle, up, recover, release, rollback, invoke, check, logs, cost):
        module.add(commands)
    return parser


@clean_output()
def main(
    arguments: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
    scheme: str = "https",
) -> int:
    """Run a command and return its exit status."""
    try:
        args = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or printed help
        return int(end.code or 0)
    session = Session(args, os.environ if environment is None else environment, now, sleep, scheme)
    try:
        return int(args.run(session))
    except (CannotDo, InfraError) as error:
        print(f"{PROGRAM} {args.command}: {_told(session, error)}", file=sys.stderr)
        return 2 if isinstance(error, NoKeys) else getattr(error, "exit_status", 1)
    except KeyboardInterrupt as stop:
        with suppress(BrokenPipeError):  # Ctrl-C may have ended the reader of our output as well
            print("; ".join(["stopped", *stop.args]), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return 1


def _told(session: Session, error: Exception) -> str:
    """Return what an error says; without secrets where Alibaba Cloud, or what answered in its place, wrote it."""
    if not isinstance(error, ApiError):
        return str(error)
    try:
        return session.hider.clean(str(error))
    except CannotDo as unread:
        return f"{type(error).__name__}; what it says may hold the stack's secrets, which cannot be read: {unread}"
