"""`import`, `export`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, print_json, user_name


def add_import(commands: Commands[Any]) -> None:
    """Declare `import`."""
    parser = add_command(commands, "import", "Take in memories and conversations; running it again is harmless.")
    parser.add_argument(
        "file", metavar="FILE", help="A file, an account export's zip, a folder of transcripts; - is standard input."
    )
    parser.add_argument(
        "--from",
        dest="format",
        choices=("jsonl", "claude-code", "claude", "chatgpt"),
        help="What it holds (default: told from the content).",
    )
    parser.add_argument("--project", type=user_name, metavar="NAME", help="Put everything new into this project.")
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose memories they become (DEFAULT_USER_ID).")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON, with every bad line.")
    add_common(parser)
    parser.set_defaults(run=import_file)


def import_file(args: Namespace) -> int:
    """Import, and fail when anything was bad."""
    from app.ops.importing.run import run as run_import
    from app.ops.progress import Bar

    with Bar("importing") as bar:
        report = run_import(
            args.file, format=args.format, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar
        )
    if args.json:
        print_json(report.to_json())
    else:
        print(report.summary())
    return 1 if report.bad else 0


def add_export(commands: Commands[Any]) -> None:
    """Declare `export`."""
    parser = add_command(commands, "export", "Write memories and conversations as JSON Lines for `import`.")
    parser.add_argument("file", metavar="FILE", help="The file to write; - is standard output.")
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose memories (DEFAULT_USER_ID).")
    parser.add_argument("--project", type=user_name, metavar="NAME", help="Only those of this project.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON (on stderr if FILE is -).")
    add_common(parser)
    parser.set_defaults(run=export_file)


def export_file(args: Namespace) -> int:
    """Export; the report goes where the data does not."""
    from contextlib import redirect_stdout

    from app.ops.exporting import run as run_export
    from app.ops.progress import Bar

    with Bar("exporting") as bar:
        report = run_export(args.file, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar)
    with redirect_stdout(sys.stderr if args.file == "-" else sys.stdout):
        if args.json:
            print_json(report.to_json())
        else:
            print(report.summary())
    return 0
