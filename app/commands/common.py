"""Options, argument types and printing that several commands share."""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from app.terminal import console, on_one_line, printable

if TYPE_CHECKING:
    from app.settings.fields import Settings

Commands = _SubParsersAction  # argparse has no public name for it

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DURATION_LIMIT = timedelta(days=3_660)
_NICE = 10
BACKUP_HELP = "A file, or s3://bucket/key.tar."  # where to read a backup from


class CommandReport(Protocol):
    """What a command did."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""

    def summary(self) -> str:
        """Return lines for people."""


def add_command(commands: Commands[Any], name: str, about: str) -> ArgumentParser:
    """Declare a command; `about` is shown in the list of commands and above its own help."""
    parser: ArgumentParser = commands.add_parser(name, help=about, description=about)
    return parser


def add_common(parser: ArgumentParser) -> None:
    """Declare --data-dir and --debug."""
    add_data_dir(parser)
    add_debug(parser)


def add_data_dir(parser: ArgumentParser) -> None:
    """Declare --data-dir."""
    parser.add_argument("--data-dir", type=folder, metavar="DIR", help="Data directory (MEMORY_DATA_DIR).")


def add_debug(parser: ArgumentParser) -> None:
    """Declare --debug; without a default, which would overwrite a --debug given before the command."""
    parser.add_argument("--debug", action="store_true", default=SUPPRESS, help="Show tracebacks.")


def add_json(parser: ArgumentParser, about: str = "Print JSON.") -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help=about)


def folder(value: str) -> str:
    """Check a folder; an empty name, as an unset variable gives it, must not mean the default."""
    if not value:
        raise ArgumentTypeError("got '', takes a folder")
    return value


def user_name(value: str) -> str:
    """Check the name of a user."""
    from app.memory.types import NAME_LIMIT_CHARACTERS

    return plain_name(value, NAME_LIMIT_CHARACTERS)


def project_name(value: str) -> str:
    """Check the name of a project, and return it in the form in which it is stored."""
    from app.memory.arguments import name_form

    return user_name(name_form(value))


def plain_name(value: str, limit_characters: int) -> str:
    """Check a name: 1 to so many characters, none of them a control character."""
    if not re.fullmatch(rf"[^\x00-\x1f\x7f]{{1,{limit_characters}}}", value):
        raise ArgumentTypeError(
            f"got {value[:40]!r}, takes 1 to {limit_characters} characters without control characters"
        )
    return value


def duration(value: str) -> timedelta:
    """Read a length of time: 12h, 90d, 2w."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([hdw])", value)
    length = int(match[1]) * _UNITS[match[2]] if match else None
    if length is None or length > _DURATION_LIMIT:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a number with h, d or w up to ten years, such as 90d")
    return length


def settings_of(args: Namespace, mode: str | None = None) -> Settings:
    """Return the settings, with --data-dir over them, checked by the rules of a mode. Raises InvalidSettings."""
    from app.settings.loading import load_settings

    return load_settings({"memory_data_dir": args.data_dir}, mode)


def let_servers_go_first() -> None:
    """Give this process less of the processor than the servers on this machine."""
    if sys.platform != "win32":
        os.nice(_NICE)


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return " ".join(value) if isinstance(value, list) else str(value)


def print_json(value: Any) -> None:
    """Print JSON; times in ISO 8601."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=lambda other: other.isoformat()))


def print_report(report: CommandReport, args: Namespace) -> None:
    """Print a report as JSON when --json is given, else for people."""
    if args.json:
        print_json(report.to_json())
    else:
        print(report.summary())


def print_rich(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose long cells wrap at the terminal's width; at 200 characters without a terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, show_header=any(header), pad_edge=False)
    colours = {"ok": "green", "warning": "yellow", "failed": "bold red"}
    for row in rows:
        table.add_row(*(Text(printable(cell), style=colours.get(cell, "")) for cell in row))
    console(width=None if sys.stdout.isatty() else 200).print(table)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns that are never cut, for people and for `awk`."""
    table = [header, *([on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
