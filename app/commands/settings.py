"""`settings`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_debug, add_json, print_json, print_table


def declare(commands: Commands[Any]) -> None:
    """Declare `settings`."""
    parser = add_command(
        commands,
        "settings",
        "Show every setting with its origin, secrets hidden; fails, as the server would, when a rule is broken.",
    )
    add_json(parser)
    add_debug(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print all settings, then raise the error that a process would refuse to start with."""
    from app.settings.loading import broken_error, broken_of, load_settings
    from app.settings.shown import describe

    settings = load_settings()
    broken = broken_of(settings)
    rows = describe(settings, broken=broken)
    if args.json:
        fields = ("name", "value", "origin", "default", "secret", "help", "broken")
        print_json([{field: getattr(row, field) for field in fields} for row in rows])
    else:
        print_table(
            ("setting", "value", "origin", "what it is for"),
            [(row.name, row.value, str(row.origin), row.help) for row in rows],
        )
    if broken:
        raise broken_error(broken)
    return 0
