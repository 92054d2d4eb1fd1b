"""`list`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, print_json
from app.commands.memories import add_kind, add_project, add_server_options, asked_server, number, print_memories


def declare(commands: Commands[Any]) -> None:
    """Declare `list`."""
    parser = add_command(commands, "list", "List the newest memories.")
    add_project(parser, "Only those of this project.")
    add_kind(parser, "Only those of this kind.")
    parser.add_argument("--archived", action="store_true", help="List archived memories instead.")
    parser.add_argument("--limit", type=number, default=20, metavar="N", help="At most so many (20).")
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print the newest memories."""
    with asked_server(args) as server:
        # One more than wanted shows whether there are more.
        memories = server.newest(args.limit + 1, project=args.project, kinds=args.kind, archived=args.archived)
    shown = memories[: args.limit]
    if args.json:
        print_json(shown)
        return 0
    print_memories(shown, "nothing is archived" if args.archived else "there are no memories")
    if len(memories) > len(shown):
        print(f"the newest {len(shown):,}; --limit shows more")
    return 0
