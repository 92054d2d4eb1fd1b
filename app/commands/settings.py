"""`settings`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, print_table
from app.counted import counted

if TYPE_CHECKING:
    from app.settings.shown import SettingRow

_FIELDS = ("name", "value", "origin", "default", "secret", "help", "broken")


def declare(commands: Commands[Any]) -> None:
    """Declare `settings`."""
    parser = add_command(
        commands,
        "settings",
        "Show every setting with its origin, secrets hidden: those of the running server, or those of a start here;"
        " fails, as a start would, when a rule is broken.",
    )
    parser.add_argument("--here", action="store_true", help="Those of a start here, even if a server runs.")
    add_json(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print all settings, then raise the error that a process would refuse to start with."""
    from app.ops.settings import of_running_server
    from app.settings.loading import broken_error, broken_of, load_settings
    from app.settings.shown import describe

    flags = {"memory_data_dir": args.data_dir}
    settings = load_settings(flags)
    broken = broken_of(settings)
    rows = describe(settings, flags, broken)
    server = None if args.here else of_running_server(settings.data_dir)
    shown = rows if server is None else server.rows
    if args.json:
        print_json([{field: getattr(row, field) for field in _FIELDS} for row in shown])
    else:
        print_table(
            ("setting", "value", "origin", "what it is for"),
            [(row.name, row.value, str(row.origin), row.help) for row in shown],
        )
    if server is not None and not args.json:
        print(f"claude-memory: as of {server.who}{_differing(server.rows, rows)}", file=sys.stderr)
    if broken:
        raise broken_error(broken)
    return 0


def _differing(there: list[SettingRow], here: list[SettingRow]) -> str:
    """Return which settings would have another value after a start here."""
    values = {row.name: row.value for row in here}
    names = [row.name for row in there if row.name in values and values[row.name] != row.value]
    if not names:
        return ""
    return f"; a start here would differ in {counted(len(names), 'setting')}: {', '.join(names)} (--here shows them)"
