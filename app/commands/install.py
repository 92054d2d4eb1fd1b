"""`install`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_data_dir
from app.commands.installation import add_client_options, print_reports, request_of


def declare(commands: Commands[Any]) -> None:
    """Declare `install`."""
    parser = add_command(commands, "install", "Add this server to your MCP clients; all else in their files stays.")
    add_client_options(parser)
    parser.add_argument(
        "--hooks", action="store_true", help="For Claude Code: recall at session start, remember at the end."
    )
    parser.add_argument("--force", action="store_true", help="Replace another server of the same name.")
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Add this server to MCP clients and say what was done in each file."""
    from app.clients.install import Machine, install
    from app.datadir.folder import data_directory
    from app.settings.loading import load_settings

    data_dir = load_settings({"memory_data_dir": args.data_dir}).data_dir
    environment: dict[str, str] | None = {"MEMORY_DATA_DIR": str(data_dir)}
    if data_dir == data_directory(None):  # not written down; unless it was asked for, an entry keeps another one
        environment = None if args.data_dir is None else {}
    request = request_of(args, hooks=args.hooks, force=args.force, environment=environment)
    return print_reports(args, install(request, Machine.current()))
