"""`restore`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import BACKUP_HELP, Commands, add_command, add_common, add_json, print_report, settings_of
from app.settings.rules import BACKUP


def declare(commands: Commands[Any]) -> None:
    """Declare `restore`."""
    parser = add_command(commands, "restore", "Restore a backup, all of it or nothing; all servers must be stopped.")
    parser.add_argument("file", metavar="FILE", help=BACKUP_HELP)
    parser.add_argument(
        "--replace", action="store_true", help="Replace everything in the database (default: refuse if it has data)."
    )
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Restore a backup."""
    from app.ops.backup.restoring import restore
    from app.ops.progress import Bar
    from app.runtime.command_database import ask_database

    settings = settings_of(args, BACKUP)
    with Bar("restoring") as bar:
        report = ask_database(
            settings,
            "restore",
            lambda db: restore(settings, db, args.file, replace=args.replace, bar=bar),
            alone=True,
        )
    print_report(report, args)
    return 0
