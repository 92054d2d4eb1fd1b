"""`maintain`, `reindex`."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, print_json, print_table
from app.settings.rules import REINDEX

if TYPE_CHECKING:
    from rich.console import Console

    from app.ops.maintain import Report, Size


def add_maintain(commands: Commands[Any]) -> None:
    """Declare `maintain`."""
    parser = add_command(
        commands, "maintain", "Delete what expired or is old, vacuum, rebuild bloated indexes; beside a running server."
    )
    parser.add_argument(
        "--cleanup-days",
        type=_days,
        metavar="N",
        help="Days after which what is archived, revoked or left over goes (CLEANUP_DAYS, default 60).",
    )
    parser.add_argument("--dry-run", action="store_true", help="Count only; change nothing.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=maintain)


def maintain(args: Namespace) -> int:
    """Maintain the database and print what was done."""
    import asyncio

    from rich.console import Console

    from app.ops.maintain import maintain as run_maintain
    from app.runtime.command_database import open_database
    from app.settings.loading import load_settings

    async def work() -> Report:
        settings = load_settings({"memory_data_dir": args.data_dir})
        with Console(stderr=True, force_interactive=sys.stderr.isatty()).status("maintaining") as status:
            async with open_database(settings, "maintain") as db:
                return await run_maintain(settings, db, args.cleanup_days, args.dry_run, status.update)

    report = asyncio.run(work())
    if args.json:
        print_json(report.to_json())
    else:
        _print(report)
    return 0


def add_reindex(commands: Commands[Any]) -> None:
    """Declare `reindex`."""
    parser = add_command(
        commands, "reindex", "Make the search index anew from PostgreSQL; on a Qdrant server beside the one in use."
    )
    parser.add_argument("--dry-run", action="store_true", help="Say whether it is needed; change nothing.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=reindex)


def reindex(args: Namespace) -> int:
    """Make the index anew and print what was done."""
    import asyncio

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from app.ops.reindex import reindex as run_reindex
    from app.settings.loading import load_settings

    settings = load_settings({"memory_data_dir": args.data_dir}, REINDEX)
    columns = (TextColumn("reindexing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_stderr(), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)

        def told(points: int, memories: int) -> None:
            bar.update(task, completed=points, total=memories)

        report = asyncio.run(run_reindex(settings, args.dry_run, told))
    if args.json:
        print_json(report.to_json())
    elif report.dry_run:
        what = "has to be made anew" if report.needed else "is as the settings want it"
        print(f"the {report.index} index ({report.name or 'there is none'}) {what}; {report.memories:,} memories")
    else:
        print(f"made the {report.index} index {report.name} anew: {report.points:,} points in {report.seconds:,.1f} s")
    return 0


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _print(report: Report) -> None:
    print_table(
        ("would be removed" if report.dry_run else "removed", "rows"),
        [(what, f"{rows:,}") for what, rows in report.removed.items()],
    )
    print()
    rows = [("table", table) for table in report.tables] + [("bloated index", one) for one in report.rebuilt_indexes]
    rows.append(("", _whole(report)))
    print_table(
        ("", "name", "before", "after"),
        [(kind, one.name, _shown(one.before), _shown(one.after)) for kind, one in rows],
    )
    if report.dropped_indexes:
        what = "would be dropped" if report.dry_run else "dropped"
        print(f"\nhalf-made indexes {what}: {', '.join(report.dropped_indexes)}")
    print(f"\n{'tried' if report.dry_run else 'maintained'} in {report.seconds:,.1f} s")


def _whole(report: Report) -> Size:
    from app.ops.maintain import Size

    return Size("database", report.bytes_before, report.bytes_after)


def _shown(size: int | None) -> str:
    from rich.filesize import decimal

    return "-" if size is None else decimal(size)


def _days(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 1 <= int(value[:6]) <= 36_500):
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a whole number of days from 1 to 36500")
    return int(value)
