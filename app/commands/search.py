"""`search`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, print_json
from app.commands.memories import (
    add_kind,
    add_project,
    add_server_options,
    add_tags,
    asked_server,
    number,
    print_memories,
    text_of,
)


def declare(commands: Commands[Any]) -> None:
    """Declare `search`."""
    parser = add_command(commands, "search", "Find memories by a question or by words; best first.")
    parser.add_argument("question", metavar="QUESTION", nargs="+", help="The question; - is standard input.")
    add_project(parser, "Only those of this project.")
    add_kind(parser, "Only those of this kind.")
    add_tags(parser, "Only those with all these tags.")
    parser.add_argument("--archived", action="store_true", help="Find archived memories instead.")
    parser.add_argument("--full", action="store_true", help="Show long texts whole, not the part that answers.")
    parser.add_argument("--limit", type=number, default=10, metavar="N", help="At most so many (10; up to 100).")
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Search and print what is found; it is no failure if nothing is."""
    arguments = {
        "query": text_of(args.question),
        "project": args.project,
        "kinds": args.kind and [args.kind],
        "tags": args.tags or None,
        "archived": args.archived or None,
        "limit": args.limit,
        "full_text": args.full or None,
    }
    with asked_server(args) as server:
        reply = server.call("search_memory", arguments)
    if args.json:
        print_json(reply)
        return 0
    print_memories(reply["results"], "nothing found", whole=args.full)
    if reply["degraded"]:
        why = reply.get("reason") or "the index does not answer, so only words were compared"
        print(f"claude-memory: not all was searched: {why}", file=sys.stderr)
    if reply["truncated"]:
        print(f"the best {len(reply['results'])}; --limit shows more")
    if any(memory.get("excerpt") for memory in reply["results"]):
        print("of long texts, the part that answers; --full or `show` prints all")
    return 0
