"""`init`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, add_common, add_json, print_json, print_table, settings_of
from app.settings.rules import INIT


def declare(commands: Commands[Any]) -> None:
    """Declare `init`."""
    parser = add_command(
        commands,
        "init",
        "Create what is missing: role and database (with ADMIN_DATABASE_URL), schema; harmless to repeat.",
    )
    add_json(parser, "Print the report as JSON.")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Create what is missing and say what existed."""
    import asyncio

    from app.ops.init import initialise

    settings = settings_of(args, INIT)

    async def steps_made() -> list[dict[str, Any]]:
        return [step.to_json() async for step in initialise(settings)]

    steps = asyncio.run(steps_made())
    if args.json:
        print_json(steps)
    else:
        print_table(
            ("what", "name", ""),
            [(step["what"], step["name"], "made" if step["made"] else "was there") for step in steps],
        )
    return 0
