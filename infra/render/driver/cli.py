"""The commands put together, and their errors turned into one line and an exit status.

0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence

from app.terminal import clean_output
from infra.command_errors import CannotDo
from infra.render.api.clock import Clock
from infra.render.api.errors import NoAccess, RenderError
from infra.render.blueprint import command as blueprint
from infra.render.driver import (
    deploy,
    deploys,
    doctor,
    env,
    logs,
    metrics,
    rollback,
    rotate,
    scale,
    status,
    suspend,
)
from infra.render.driver.common import Session

PROGRAM = "python -m infra.render"


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description="Looks at a stack on Render and drives it. The key is RENDER_API_KEY, or the stack's renderApiKey.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. See docs/render.md.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (status, logs, deploys, deploy, rollback, env, rotate, scale, suspend, metrics, doctor, blueprint):
        module.add(commands)
    return parser


@clean_output()
def main(
    arguments: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> int:
    """Run a command and return its exit status."""
    try:
        args = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or printed help
        return int(end.code or 0)
    session = Session(args, os.environ if environment is None else environment, clock or Clock())
    try:
        return int(args.run(session))
    except (CannotDo, RenderError) as error:
        words = filter(None, (PROGRAM, args.command, getattr(args, "what", None)))
        print(f"{' '.join(words)}: {error}", file=sys.stderr)
        return 2 if isinstance(error, NoAccess) else getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return 1
