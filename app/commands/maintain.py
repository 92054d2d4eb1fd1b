"""`maintain`."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, print_table, settings_of

if TYPE_CHECKING:
    from app.ops.maintain import MaintenanceReport, RelationSize


def declare(commands: Commands[Any]) -> None:
    """Declare `maintain`."""
    parser = add_command(
        commands, "maintain", "Delete what expired or is old, vacuum, rebuild bloated indexes; beside a running server."
    )
    parser.add_argument(
        "--cleanup-days",
        type=_days,
        metavar="N",
        help="Days after which archived, revoked and left-over data is deleted (CLEANUP_DAYS, default 60).",
    )
    parser.add_argument("--dry-run", action="store_true", help="Count only; change nothing.")
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Maintain the database and print what was done."""
    from app.ops.maintain import maintain
    from app.runtime.command_database import ask_database
    from app.terminal import console

    settings = settings_of(args)
    with console(stderr=True, force_interactive=sys.stderr.isatty()).status("maintaining") as status:
        report = ask_database(
            settings, "maintain", lambda db: maintain(settings, db, args.cleanup_days, args.dry_run, status.update)
        )
    if args.json:
        print_json(report.to_json())
    else:
        _print(report)
    return 0


def _print(report: MaintenanceReport) -> None:
    print_table(
        ("would be removed" if report.dry_run else "removed", "rows"),
        [(what, f"{rows:,}") for what, rows in report.removed.items()],
    )
    print()
    rows = [("table", table) for table in report.tables]
    rows += [("bloated index", index) for index in report.rebuilt_indexes]
    rows.append(("", _database(report)))
    print_table(
        ("", "name", "before", "after"),
        [(kind, relation.name, _size(relation.before), _size(relation.after)) for kind, relation in rows],
    )
    if report.dropped_indexes:
        what = "would be dropped" if report.dry_run else "dropped"
        print(f"\nhalf-made indexes {what}: {', '.join(report.dropped_indexes)}")
    print(f"\n{'tried' if report.dry_run else 'maintained'} in {report.seconds:,.1f} s")


def _database(report: MaintenanceReport) -> RelationSize:
    from app.ops.maintain import RelationSize

    return RelationSize("database", report.bytes_before, report.bytes_after)


def _size(size: int | None) -> str:
    from rich.filesize import decimal

    return "-" if size is None else decimal(size)


def _days(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 1 <= int(value[:6]) <= 36_500):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number of days from 1 to 36500")
    return int(value)
