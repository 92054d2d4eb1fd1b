"""`status`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, print_rich
from app.commands.remote import add_token_file, server_url, token_of


def declare(commands: Commands[Any]) -> None:
    """Declare `status`."""
    parser = add_command(commands, "status", "Show what runs, since when, who is connected, and how much is stored.")
    parser.add_argument("--url", type=server_url, metavar="URL", help="Ask the server there instead.")
    add_token_file(parser)
    add_json(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print what runs; it is no failure if nothing does."""
    from app.ops import status as report
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir, "memory_token": token_of(args)})
    values = report.status(settings.data_dir) if args.url is None else report.status_of(settings, args.url)
    if args.json:
        print_json(values)
    else:
        print_rich(("", ""), report.lines(values) if args.url is None else report.lines_of(values))
    return 0
