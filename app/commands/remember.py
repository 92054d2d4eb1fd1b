"""`remember`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from app.commands.common import Commands, add_command, duration, print_json
from app.commands.memories import add_kind, add_project, add_server_options, add_tags, asked_server, text_of
from app.counted import counted

_DAY_S = 86_400


def declare(commands: Commands[Any]) -> None:
    """Declare `remember`."""
    parser = add_command(commands, "remember", "Remember a text.")
    parser.add_argument("text", metavar="TEXT", nargs="+", help="The text; - is standard input.")
    add_kind(parser, "What it is (note).")
    add_project(parser, "The project it belongs to.")
    add_tags(parser, "Its tags.")
    parser.add_argument("--expires-in", type=duration, metavar="TIME", help="Delete it then: 12h, 90d, 2w.")
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Remember a text and print its id."""
    text = text_of(args.text)
    arguments = {
        "text": text,
        "kind": args.kind,
        "project": args.project,
        "tags": args.tags or None,
        "expires_in_days": args.expires_in and args.expires_in.total_seconds() / _DAY_S,
    }
    with asked_server(args) as server:
        reply = server.call("memorize", arguments)
    if args.json:
        print_json(reply)
        return 0
    changed = f", now with other {' and '.join(reply['updated'])}" if reply["updated"] else ""
    print(f"{'already known' if reply['duplicate'] else 'remembered'}: {reply['id']}{changed}")
    if reply["redacted"]:
        print(f"{counted(reply['redacted'], 'key or token', 'keys and tokens')} replaced before storing")
    return 0
