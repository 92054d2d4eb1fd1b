"""`export`; `user export` does the same."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_json, print_report, project_name, user_name


def declare(commands: Commands[Any]) -> None:
    """Declare `export`."""
    parser = add_command(commands, "export", "Write memories and conversations as JSON Lines for `import`.")
    add_file(parser)
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose memories (DEFAULT_USER_ID).")
    parser.add_argument("--project", type=project_name, metavar="NAME", help="Only those of this project.")
    add_json(parser, "Print the report as JSON (on stderr if FILE is -).")
    add_common(parser)
    parser.set_defaults(run=run)


def add_file(parser: ArgumentParser) -> None:
    """Declare where to."""
    parser.add_argument("file", metavar="FILE", help="The file to write; - is standard output.")
    parser.add_argument("--replace", action="store_true", help="Overwrite FILE if it exists.")


def run(args: Namespace) -> int:
    """Export; the report goes to stderr when the data goes to stdout."""
    from contextlib import redirect_stdout

    from app.ops.exporting import run as run_export
    from app.ops.progress import Bar

    with Bar("exporting") as bar:
        report = run_export(
            args.file, project=args.project, user=args.user, data_dir=args.data_dir, replace=args.replace, bar=bar
        )
    with redirect_stdout(sys.stderr if args.file == "-" else sys.stdout):
        print_report(report, args)
    return 0
