"""`edit`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from app.commands.common import Commands, add_command, print_json, project_name
from app.commands.memories import (
    STDIN,
    add_kind,
    add_server_options,
    add_tags,
    asked_server,
    memory_id,
    text_of,
)

if TYPE_CHECKING:
    from app.ops.memories import MemoryServer


def declare(commands: Commands[Any]) -> None:
    """Declare `edit`."""
    parser = add_command(
        commands, "edit", "Change a memory; without any of the options, its text in VISUAL or EDITOR (vi)."
    )
    parser.add_argument("id", type=memory_id, metavar="ID", help="Its id, from `search` or `list`.")
    parser.add_argument("--text", metavar="TEXT", help=f"The new text; {STDIN} is standard input.")
    add_kind(parser, "What it is from now on.")
    add_tags(parser, "Its tags from now on; '' for none.")
    parser.add_argument(
        "--project", type=_project_or_none, metavar="NAME", help="The project it moves to; '' for none."
    )
    archiving = parser.add_mutually_exclusive_group()
    archiving.add_argument("--archive", action="store_const", const=True, dest="archived", help="Find it no longer.")
    archiving.add_argument("--unarchive", action="store_const", const=False, dest="archived", help="Find it again.")
    add_server_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: Namespace) -> int:
    """Change a memory; exit with the usage when nothing is to be changed and no one is there to edit."""
    arguments = {
        "text": None if args.text is None else text_of([args.text]),
        "kind": args.kind,
        "tags": args.tags,
        "project": args.project or None,
        "no_project": True if args.project == "" else None,
        "archived": args.archived,
    }
    in_editor = all(value is None for value in arguments.values())
    if in_editor and not sys.stdin.isatty():
        args.parser.error("without a terminal, say what to change: --text, --kind, --tags, --project, --archive")
    with asked_server(args) as server:
        reply = _edited(server, args.id) if in_editor else server.call("update_memory", {"id": args.id, **arguments})
    if args.json:
        print_json(reply or {"id": args.id, "changed": False})
    else:
        print(f"changed: {args.id}, version {reply['version']}" if reply else "nothing changed")
    return 0


def _project_or_none(value: str) -> str:
    return project_name(value) if value else ""


def _edited(server: MemoryServer, id_: str) -> dict[str, Any] | None:
    """Let a person edit the text, and store it; None when it stayed as it was."""
    from app.errors import Conflict
    from app.ops.editor import edited

    before = server.memory(id_)
    with edited(before["text"]) as text:
        if text == before["text"]:
            return None
        if server.memory(id_)["version"] != before["version"]:
            raise Conflict(f"memory {id_} was changed meanwhile, so nothing was stored; look at it, and edit it again")
        return server.call("update_memory", {"id": id_, "text": text})
