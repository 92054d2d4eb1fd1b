"""`verify`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from app.ops.backup.verifying import VerificationReport


def declare(commands: Commands[Any]) -> None:
    """Declare `verify`."""
    parser = add_command(
        commands, "verify", "Restore a backup into a scratch database, compare every row, search in it, drop it."
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help=f"{BACKUP_HELP} (default: the newest backup that is known)"
    )
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Verify a backup; the data that is there is not touched."""
    from app.ops.backup.verifying import verify, verify_newest
    from app.ops.progress import Bar
    from app.runtime.command_database import admin_arguments, ask_database
    from app.store.database import Database

    settings = settings_of(args, BACKUP)
    let_servers_go_first()
    with Bar("verifying") as bar:

        def verified(db: Database) -> Coroutine[Any, Any, VerificationReport]:
            if args.file is None:
                return verify_newest(settings, db, bar)
            return verify(settings, admin_arguments(settings, db), db, args.file, bar)

        report = ask_database(settings, "verify", verified)
    if args.json:
        print_json(report.to_json())
    else:
        print_rich(("", "what", "found"), report.rows())
        print(report.summary())
    return 0
