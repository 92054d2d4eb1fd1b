"""`uninstall`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command
from app.commands.installation import add_client_options, print_reports, request_of


def declare(commands: Commands[Any]) -> None:
    """Declare `uninstall`."""
    parser = add_command(commands, "uninstall", "Remove this server and its hooks from your MCP clients.")
    add_client_options(parser)
    parser.add_argument("--hooks", action="store_true", help="Has no effect: hooks are always removed.")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Remove this server from MCP clients and say what was done in each file."""
    from app.clients.install import Machine, uninstall

    return print_reports(args, uninstall(request_of(args), Machine.current()))
