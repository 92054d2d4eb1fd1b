"""`forget`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, print_json, user_name
from app.commands.memories import add_project, add_server_options, asked_server, memory_id
from app.counted import counted


def declare(commands: Commands[Any]) -> None:
    """Declare `forget`."""
    parser = add_command(commands, "forget", "Delete memories for good; they must match all that is given.")
    parser.add_argument("ids", type=memory_id, metavar="ID", nargs="*", help="Their ids, from `search` or `list`.")
    parser.add_argument("--conversation", type=user_name, metavar="ID", help="The messages of this conversation.")
    add_project(parser, "Those of this project.")
    parser.add_argument("--before", metavar="DATE", help="Those from before then: 2026-05-08, 2026-05-08T13:56:00Z.")
    parser.add_argument("--dry-run", action="store_true", help="Only count them.")
    parser.add_argument("--yes", action="store_true", help="Do not ask.")
    add_server_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: Namespace) -> int:
    """Delete memories; 1 when the person who was asked did not agree. Exits with the usage if nothing is named."""
    which = {
        "ids": args.ids or None,
        "conversation_id": args.conversation,
        "project": args.project,
        "before": args.before,
    }
    if all(value is None for value in which.values()):
        args.parser.error("say which: ids, --conversation, --project or --before")
    if not (args.dry_run or args.yes or sys.stdin.isatty()):
        print("claude-memory: nothing was forgotten; without a terminal, --yes is needed", file=sys.stderr)
        return 1
    with asked_server(args) as server:
        if args.dry_run or not args.yes:
            reply = server.call("forget_memory", {**which, "dry_run": True})
            if not args.dry_run and not _agreed(reply["forgotten"]):
                return 1
        if not args.dry_run:
            reply = server.call("forget_memory", which)
    if args.json:
        print_json(reply)
    else:
        done = "would forget" if args.dry_run else "forgot"
        print(f"{done} {counted(reply['forgotten'], 'memory', 'memories')}")
    return 0


def _agreed(memories: int) -> bool:
    what = counted(memories, "memory", "memories")
    print(f"Forget {what} for good? Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"
