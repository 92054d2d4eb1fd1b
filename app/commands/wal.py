"""`wal ship`, `wal list`, `wal fetch`."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from datetime import datetime
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
from app.settings.rules import WAL


def declare(commands: Commands[Any]) -> None:
    """Declare `wal` and what can be done with it."""
    parser = add_command(
        commands, "wal", "Keep PostgreSQL's write-ahead log in a bucket, and fetch it for a restore to any moment."
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    ship = add_command(actions, "ship", "Move the log from WAL_SPOOL to WAL_ARCHIVE_TO, until stopped.")
    add_common(ship)
    ship.set_defaults(run=run_ship)

    listing = add_command(actions, "list", "List from when to when a restore is possible.")
    add_json(listing)
    add_common(listing)
    listing.set_defaults(run=run_list)

    fetch = add_command(actions, "fetch", "Fetch what a restore needs into WAL_SPOOL; docs/backup.md has what follows.")
    fetch.add_argument(
        "--to",
        type=moment,
        metavar="TIME",
        help="The moment to restore to, with its offset, such as 2026-05-08T12:00:00Z. Default: the end of the log.",
    )
    fetch.add_argument("--cluster", help="The server whose log it is, as `wal list` names it.")
    add_json(fetch)
    add_common(fetch)
    fetch.set_defaults(run=run_fetch)


def moment(value: str) -> datetime:
    """Read a time that says which zone it is of: a restore to another hour loses what was written in it."""
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a time with its offset, such as 2026-05-08T12:00:00Z")
    return read


def run_ship(args: Namespace) -> int:
    """Ship until stopped."""
    from app.wal.process import run

    return run({"memory_data_dir": args.data_dir})


def run_list(args: Namespace) -> int:
    """Print every cluster in the bucket."""
    import asyncio

    from app.wal.archive import Archive
    from app.wal.fetching import contents_of_all
    from app.wal.names import missing

    found = asyncio.run(contents_of_all(Archive(settings_of(args, WAL))))
    rows = [
        {
            "cluster": one.cluster,
            "from": one.bases[0].complete if one.bases else None,
            "to": one.until,
            "bases": [base.complete for base in one.bases],
            "log_files": len(one.logs),
            "missing": len(missing(one, one.bases[0])) if one.bases else 0,
        }
        for one in found
    ]
    if args.json:
        print_json(rows)
    else:
        shown = [{**row, "bases": len(one.bases)} for row, one in zip(rows, found, strict=True)]
        columns = ("cluster", "from", "to", "bases", "log_files", "missing")
        print_table(columns, [tuple(cell(row[column]) for column in columns) for row in shown])
    return 0


def run_fetch(args: Namespace) -> int:
    """Fetch a base backup and the log after it."""
    import asyncio

    from app.wal.archive import Archive
    from app.wal.fetching import fetch

    settings = settings_of(args, WAL)
    print_report(asyncio.run(fetch(Archive(settings), settings.wal_spool, args.to, args.cluster)), args)
    return 0
