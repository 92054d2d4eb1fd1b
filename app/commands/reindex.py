"""`reindex`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, settings_of
from app.counted import counted
from app.settings.rules import REINDEX


def declare(commands: Commands[Any]) -> None:
    """Declare `reindex`."""
    parser = add_command(
        commands, "reindex", "Rebuild the search index from PostgreSQL; on a Qdrant server beside the one in use."
    )
    parser.add_argument("--dry-run", action="store_true", help="Say whether it is needed; change nothing.")
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Rebuild the index and print what was done."""
    import asyncio

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from app.ops.reindex import reindex
    from app.terminal import console

    settings = settings_of(args, REINDEX)
    columns = (TextColumn("reindexing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        console=console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("", total=None)

        def show_progress(points: int, memories: int) -> None:
            bar.update(task, completed=points, total=memories)

        report = asyncio.run(reindex(settings, args.dry_run, show_progress))
    if args.json:
        print_json(report.to_json())
    elif report.dry_run:
        state = "must be rebuilt" if report.needed else "matches the settings"
        memories = counted(report.memories, "memory", "memories")
        print(f"the {report.index} index ({report.name or 'there is none'}) {state}; {memories}")
    else:
        points = counted(report.points, "point")
        print(f"rebuilt the {report.index} index {report.name}: {points} in {report.seconds:,.1f} s")
    return 0
