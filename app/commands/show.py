"""`show`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, cell, print_json, print_table
from app.commands.memories import add_server_options, asked_server, memory_id


def declare(commands: Commands[Any]) -> None:
    """Declare `show`."""
    parser = add_command(commands, "show", "Show one memory, whole.")
    parser.add_argument("id", type=memory_id, metavar="ID", help="Its id, from `search` or `list`.")
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print a memory: what is known of it, then its text."""
    with asked_server(args) as server:
        memory = server.memory(args.id)
    if args.json:
        print_json(memory)
        return 0
    text = memory.pop("text")
    first, *others = (
        (name.replace("_", " "), " ".join(cell(value).splitlines()))
        for name, value in memory.items()
        if value not in (None, [], {})
    )
    print_table(first, others)
    print(f"\n{text}")
    return 0
