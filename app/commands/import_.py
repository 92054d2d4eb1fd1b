"""`import`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, print_report, project_name, user_name

if TYPE_CHECKING:
    from app.ops.importing.run import ImportReport
    from app.ops.progress import Bar


def declare(commands: Commands[Any]) -> None:
    """Declare `import`."""
    from app.ops.importing.names import MEMU, Format

    parser = add_command(commands, "import", "Import memories and conversations; running it again is harmless.")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="A file, an account export's zip, a folder of transcripts or notes; - is standard input.",
    )
    parser.add_argument(
        "--from",
        dest="format",
        choices=(*map(str, Format), MEMU),
        help="Its format (default: recognised from the content); memu: no FILE, but what MEMU_API_KEY opens.",
    )
    parser.add_argument(
        "--project", type=project_name, metavar="NAME", help="Put all that is imported into this project."
    )
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose memories they become (DEFAULT_USER_ID).")
    add_json(parser, "Print the report as JSON, with every bad line.")
    add_common(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: Namespace) -> int:
    """Import; 1 when anything was bad, or nothing was taken from something.

    Exits with the usage unless there is a FILE or a service, and not both.
    """
    from app.ops.importing.names import MEMU
    from app.ops.progress import Bar

    if (args.file is None) != (args.format == MEMU):
        args.parser.error("takes a FILE, or --from memu, which takes none")
    with Bar("importing") as bar:
        report = _imported(args, bar)
    print_report(report, args)
    return 1 if report.bad or report.nothing else 0


def _imported(args: Namespace, bar: Bar) -> ImportReport:
    from app.ops.importing.names import MEMU, Format

    if args.format == MEMU:
        from app.ops.importing import memu

        return memu.run(project=args.project, user=args.user, data_dir=args.data_dir, bar=bar)
    from app.ops.importing.run import run as run_import

    format_ = None if args.format is None else Format(args.format)
    return run_import(args.file, format=format_, project=args.project, user=args.user, data_dir=args.data_dir, bar=bar)
