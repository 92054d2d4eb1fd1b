"""`backup`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_json,
    let_servers_go_first,
    print_report,
    settings_of,
)
from app.settings.rules import BACKUP


def declare(commands: Commands[Any]) -> None:
    """Declare `backup`."""
    parser = add_command(
        commands, "backup", "Write everything, as of one moment, to one file; encrypted when BACKUP_PASSPHRASE is set."
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="A file, a directory, s3://bucket/key.tar or s3://bucket/prefix; in a directory or prefix, the backup is"
        " named after its time. Default: the worker's nightly work, a backup to BACKUP_TO and then `backups prune`.",
    )
    parser.add_argument("--replace", action="store_true", help="Overwrite FILE if it exists.")
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Back up, whether a server runs or not."""
    import asyncio

    from app.ops.backup.writing import back_up, refuse_existing, run_backup
    from app.ops.progress import Bar
    from app.runtime.command_database import ask_database

    settings = settings_of(args, BACKUP)
    if args.file is not None and not args.replace:
        asyncio.run(refuse_existing(settings, args.file))
    let_servers_go_first()
    with Bar("backing up") as bar:
        report = ask_database(
            settings,
            "backup",
            lambda db: run_backup(settings, db, bar) if args.file is None else back_up(settings, db, args.file, bar),
        )
    print_report(report, args)
    return 0
