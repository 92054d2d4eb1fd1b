"""`search`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, print_json
from app.commands.memories import add_search, add_server_options, print_memories, print_what_is_missing, searched


def declare(commands: Commands[Any]) -> None:
    """Declare `search`."""
    parser = add_command(commands, "search", "Find memories by a question or by words; best first.")
    add_search(parser, 10)
    parser.add_argument("--full", action="store_true", help="Show long texts whole, not the part that answers.")
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Search and print what is found; it is no failure if nothing is."""
    reply = searched(args, full_text=args.full or None)
    if args.json:
        print_json(reply)
        return 0
    print_memories(reply["results"], "nothing found", whole=args.full)
    print_what_is_missing(reply)
    if any(memory.get("excerpt") for memory in reply["results"]):
        print("of long texts, the part that answers; --full or `show` prints all")
    return 0
