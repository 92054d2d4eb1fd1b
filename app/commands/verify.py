"""`verify`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import (
    BACKUP_HELP,
    Commands,
    add_command,
    add_common,
    add_json,
    let_servers_go_first,
    print_json,
    print_rich,
    settings_of,
)
from app.settings.rules import BACKUP


def declare(commands: Commands[Any]) -> None:
    """Declare `verify`."""
    parser = add_command(
        commands, "verify", "Restore a backup into a scratch database, compare every row, search in it, drop it."
    )
    parser.add_argument("file", metavar="FILE", help=BACKUP_HELP)
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Verify a backup; the data that is there is not touched."""
    from app.ops.backup.verifying import verify
    from app.ops.progress import Bar
    from app.runtime.command_database import admin_arguments, ask_database

    settings = settings_of(args, BACKUP)
    let_servers_go_first()
    with Bar("verifying") as bar:
        report = ask_database(
            settings, "verify", lambda db: verify(settings, admin_arguments(settings, db), db, args.file, bar)
        )
    if args.json:
        print_json(report.to_json())
    else:
        print_rich(("", "what", "found"), report.rows())
        print(report.summary())
    return 0
