"""`stdio`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_data_dir, add_debug


def declare(commands: Commands[Any]) -> None:
    """Declare `stdio`; app.__main__ runs it before argparse is imported."""
    parser = add_command(commands, "stdio", "Serve MCP over stdin and stdout, through the machine's daemon.")
    add_data_dir(parser)
    add_debug(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Carry messages between one client and the daemon until the client leaves."""
    from app.bridge.stdio import main

    return main([] if args.data_dir is None else ["--data-dir", args.data_dir])
