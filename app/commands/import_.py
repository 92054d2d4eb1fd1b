"""`import`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_json, print_report, user_name


def declare(commands: Commands[Any]) -> None:
    """Declare `import`."""
    from app.ops.importing.names import Format

    parser = add_command(commands, "import", "Import memories and conversations; running it again is harmless.")
    parser.add_argument(
        "file", metavar="FILE", help="A file, an account export's zip, a folder of transcripts; - is standard input."
    )
    parser.add_argument(
        "--from",
        dest="format",
        choices=tuple(map(str, Format)),
        help="Its format (default: recognised from the content).",
    )
    parser.add_argument("--project", type=user_name, metavar="NAME", help="Put all that is imported into this project.")
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose memories they become (DEFAULT_USER_ID).")
    add_json(parser, "Print the report as JSON, with every bad line.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Import; 1 when anything was bad."""
    from app.ops.importing.names import Format
    from app.ops.importing.run import run as run_import
    from app.ops.progress import Bar

    format_ = None if args.format is None else Format(args.format)
    with Bar("importing") as bar:
        report = run_import(
            args.file, format=format_, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar
        )
    print_report(report, args)
    return 1 if report.bad else 0
