"""The commands put together, and their errors turned into one line and an exit status.

0 done, 1 failed or something found, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from app.terminal import clean_output
from infra.command_errors import CannotDo
from infra.selfhost import images_command, logs, orphans_command, standby_command, status, top

PROGRAM = "python -m infra.selfhost"


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description="Looks at a stack on hosts of your own.",
        epilog="Exit status: 0 done, 1 failed or something found, 2 wrong usage, 130 stopped. See docs/selfhost.md.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (status, logs, top, orphans_command, images_command, standby_command):
        module.add(commands)
    return parser


@clean_output()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    try:
        args = build_parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or printed help
        return int(end.code or 0)
    try:
        return int(args.run(args))
    except CannotDo as error:
        words = filter(None, (PROGRAM, args.command, getattr(args, "what", None)))
        print(f"{' '.join(words)}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return 1
