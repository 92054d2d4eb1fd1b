"""`init`, `backup`, `verify`, `restore`, `backups list`, `backups prune`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, cell, print_json, print_rich, print_table
from app.settings.rules import BACKUP, INIT

if TYPE_CHECKING:
    from app.settings.fields import Settings

_NICE = 10
_FILE_HELP = "A file, or s3://bucket/key.tar."


def add_init(commands: Commands[Any]) -> None:
    """Declare `init`."""
    parser = add_command(
        commands,
        "init",
        "Make what is missing: role and database (with ADMIN_DATABASE_URL), schema; harmless to repeat.",
    )
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=init)


def init(args: Namespace) -> int:
    """Make what is missing and say what was there."""
    import asyncio

    from app.ops.init import initialise

    settings = _settings(args, INIT)

    async def run() -> list[dict[str, Any]]:
        return [step.to_json() async for step in initialise(settings)]

    steps = asyncio.run(run())
    if args.json:
        print_json(steps)
    else:
        print_table(
            ("what", "name", ""),
            [(step["what"], step["name"], "made" if step["made"] else "was there") for step in steps],
        )
    return 0


def add_backup(commands: Commands[Any]) -> None:
    """Declare `backup`."""
    parser = add_command(
        commands, "backup", "Write everything, as of one moment, to one file; encrypted when BACKUP_PASSPHRASE is set."
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="A file; or a directory, s3://bucket/key.tar or s3://bucket/prefix. It is named by its time where FILE"
        " does not name it.",
    )
    parser.add_argument("--replace", action="store_true", help="Write in the place of a FILE that is there.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=backup)


def backup(args: Namespace) -> int:
    """Back up, whether a server runs or not."""
    import asyncio

    from app.ops.backup.writing import back_up, refuse_existing
    from app.ops.progress import Bar
    from app.runtime.command_database import open_database

    settings = _settings(args)

    async def run(bar: Bar) -> Any:
        if not args.replace:
            await refuse_existing(settings, args.file)
        async with open_database(settings, "backup") as db:
            return await back_up(settings, db, args.file, bar)

    _step_back()
    with Bar("backing up") as bar:
        report = asyncio.run(run(bar))
    _print(report, args)
    return 0


def add_verify(commands: Commands[Any]) -> None:
    """Declare `verify`."""
    parser = add_command(
        commands, "verify", "Restore a backup into a database of its own, compare every row, search in it, drop it."
    )
    parser.add_argument("file", metavar="FILE", help=_FILE_HELP)
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=verify)


def verify(args: Namespace) -> int:
    """Verify a backup; the data that is there is not touched."""
    import asyncio

    from app.ops.backup.verifying import verify as run_verify
    from app.ops.progress import Bar
    from app.runtime.command_database import admin_arguments, open_database

    settings = _settings(args)

    async def run(bar: Bar) -> Any:
        async with open_database(settings, "verify") as db:
            return await run_verify(settings, admin_arguments(settings, db), db, args.file, bar)

    _step_back()
    with Bar("verifying") as bar:
        report = asyncio.run(run(bar))
    if args.json:
        print_json(report.to_json())
    else:
        print_rich(("", "what", "found"), report.rows())
        print(report.summary())
    return 0


def add_restore(commands: Commands[Any]) -> None:
    """Declare `restore`."""
    parser = add_command(commands, "restore", "Put a backup back, all of it or nothing; all servers must be stopped.")
    parser.add_argument("file", metavar="FILE", help=_FILE_HELP)
    parser.add_argument(
        "--replace", action="store_true", help="Put it in the place of everything that is there (default: refuse)."
    )
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=restore)


def restore(args: Namespace) -> int:
    """Restore a backup."""
    import asyncio

    from app.ops.backup.restoring import restore as run_restore
    from app.ops.progress import Bar
    from app.runtime.command_database import open_database

    settings = _settings(args)

    async def run(bar: Bar) -> Any:
        async with open_database(settings, "restore", alone=True) as db:
            return await run_restore(settings, db, args.file, replace=args.replace, bar=bar)

    with Bar("restoring") as bar:
        report = asyncio.run(run(bar))
    _print(report, args)
    return 0


def add_backups(commands: Commands[Any]) -> None:
    """Declare `backups` and what can be done with them."""
    parser = add_command(commands, "backups", "List the backups there are, and delete old ones.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = add_command(actions, "list", "List all backups that were written and not deleted since.")
    listing.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(listing)
    listing.set_defaults(run=backups_list)

    prune = add_command(
        actions, "prune", "Delete what BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not keep; never the last good one."
    )
    prune.add_argument("--dry-run", action="store_true", help="Only say what would be deleted.")
    prune.add_argument(
        "--forget-lost", action="store_true", help="Take backups off the list whose file is gone or was changed."
    )
    prune.add_argument("--json", action="store_true", help="Print JSON.")
    add_common(prune)
    prune.set_defaults(run=backups_prune)


def backups_list(args: Namespace) -> int:
    """Print all known backups."""
    import asyncio

    from rich.filesize import decimal

    from app.runtime.command_database import open_database
    from app.store.backups import Backup, Backups

    settings = _settings(args)

    async def run() -> list[Backup]:
        async with open_database(settings, "backups") as db:
            return await Backups(db).list()

    found = [backup.to_json() for backup in asyncio.run(run())]
    if args.json:
        print_json(found)
    else:
        columns = ("place", "taken_at", "size", "rows", "encrypted", "verified_at")
        rows = [{**backup, "size": decimal(backup["size"])} for backup in found]
        print_table(columns, [tuple(cell(row[column]) for column in columns) for row in rows])
    return 0


def backups_prune(args: Namespace) -> int:
    """Delete backups that need not be kept."""
    import asyncio

    from app.ops.backup.retention import prune
    from app.runtime.command_database import open_database

    settings = _settings(args)

    async def run() -> Any:
        async with open_database(settings, "backups") as db:
            return await prune(settings, db, dry_run=args.dry_run, forget_lost=args.forget_lost)

    _print(asyncio.run(run()), args)
    return 0


def _step_back() -> None:
    """Let servers on this machine go first."""
    if sys.platform != "win32":
        os.nice(_NICE)


def _settings(args: Namespace, mode: str = BACKUP) -> Settings:
    from app.settings.loading import load_settings

    return load_settings({"memory_data_dir": args.data_dir}, mode)


def _print(report: Any, args: Namespace) -> None:
    if args.json:
        print_json(report.to_json())
    else:
        print(report.summary())
