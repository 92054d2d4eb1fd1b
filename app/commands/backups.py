"""`backups list`, `backups prune`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_json,
    cell,
    print_json,
    print_report,
    print_table,
    settings_of,
)
from app.settings.rules import BACKUP


def declare(commands: Commands[Any]) -> None:
    """Declare `backups` and what can be done with them."""
    parser = add_command(commands, "backups", "List the backups, and delete old ones.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = add_command(actions, "list", "List all backups that were written and not deleted.")
    add_json(listing)
    add_common(listing)
    listing.set_defaults(run=list_backups)

    prune = add_command(
        actions,
        "prune",
        "Delete backups that BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not keep; never the last good one.",
    )
    prune.add_argument("--dry-run", action="store_true", help="Only say what would be deleted.")
    prune.add_argument(
        "--forget-lost", action="store_true", help="Remove backups from the list whose file is gone or was changed."
    )
    add_json(prune)
    add_common(prune)
    prune.set_defaults(run=prune_backups)


def list_backups(args: Namespace) -> int:
    """Print all known backups."""
    from rich.filesize import decimal

    from app.runtime.command_database import ask_database
    from app.store.backups import Backups

    known = ask_database(settings_of(args, BACKUP), "backups", lambda db: Backups(db).list())
    backups = [backup.to_json() for backup in known]
    if args.json:
        print_json(backups)
    else:
        columns = ("place", "taken_at", "size", "rows", "encrypted", "verified_at")
        rows = [{**backup, "size": decimal(backup["size"])} for backup in backups]
        print_table(columns, [tuple(cell(row[column]) for column in columns) for row in rows])
    return 0


def prune_backups(args: Namespace) -> int:
    """Delete backups that need not be kept."""
    from app.ops.backup.retention import prune
    from app.runtime.command_database import ask_database

    settings = settings_of(args, BACKUP)
    report = ask_database(
        settings,
        "backups",
        lambda db: prune(settings, db, dry_run=args.dry_run, forget_lost=args.forget_lost),
    )
    print_report(report, args)
    return 0
