"""`daemon`."""

from __future__ import annotations

from argparse import SUPPRESS, Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_data_dir, add_debug


def declare(commands: Commands[Any]) -> None:
    """Declare `daemon`; app.__main__ runs it before argparse is imported."""
    parser = add_command(commands, "daemon", "Run the server that `stdio` starts: without a port, ends when idle.")
    add_data_dir(parser)
    add_debug(parser)
    parser.add_argument("--supervised", action="store_true", help=SUPPRESS)  # the child that `worker` starts
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Serve bridges until none has been connected for DAEMON_IDLE_MINUTES."""
    from app.process import boot
    from app.process.begun import Flags

    return boot.serve(Flags(data_dir=args.data_dir, debug=args.debug, daemon=True, supervised=args.supervised))
