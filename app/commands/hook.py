"""`hook`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_debug


def declare(commands: Commands[Any]) -> None:
    """Declare `hook`."""
    parser = add_command(commands, "hook", "Answer a hook of Claude Code (`install --hooks` sets them up).")
    parser.add_argument("event", choices=("session-start", "session-end"), help="The event; its JSON comes on stdin.")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Answer a hook; never fails, so that no session does."""
    from app.clients import hooks

    return hooks.run(args.event)
