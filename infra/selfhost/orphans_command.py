"""`orphans`: what Docker has of a stack that Pulumi's state does not know, shown or removed."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra import stack_file
from infra.command_errors import CannotDo, WrongUsage
from infra.command_line import Commands, add_json, print_json
from infra.selfhost import orphans
from infra.selfhost.found import look
from infra.selfhost.orphans import Orphan
from infra.selfhost.stack_hosts import add_stack, hosts_of
from infra.selfhost.state import State, exported, parsed
from infra.tables import print_table

_ABOUT = "Show what Docker has of the stack that Pulumi's state does not know, such as what a killed `pulumi up` left."
_HEADER = ("name", "kind", "state", "generation", "ports", "host", "why")


def add(commands: Commands[Any]) -> None:
    """Declare the command."""
    parser = commands.add_parser("orphans", help=_ABOUT, description=_ABOUT)
    add_stack(parser)
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="What `pulumi stack export` printed; - reads it from stdin (default: the CLI is asked).",
    )
    parser.add_argument("--remove", action="store_true", help="Remove what updates of this state left.")
    parser.add_argument(
        "--unknown",
        action="store_true",
        help="With --remove: also what another state may have made. Only if there is no other. Data stays.",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Show them; 1 when some are left. Raises CannotDo."""
    if args.unknown and not args.remove:
        raise WrongUsage("--unknown goes with --remove; without both, everything is shown")
    name = args.stack.rpartition("/")[2]
    hosts, state = hosts_of(args.stack), _state(args.state, args.stack)
    found = look(hosts, name, state.begun)
    unknown = orphans.orphans_of(found, state)
    removed = [one for one in unknown if args.remove and (one.left or args.unknown)]
    for one in removed:
        print(f"removes {one.found}", file=sys.stderr, flush=True)
        orphans.remove(one)
    _show(args, name, unknown, removed)
    if gone := orphans.gone(found, state):
        print(f"Docker no longer has what the state knows: {', '.join(gone)}; run `pulumi refresh`", file=sys.stderr)
    return 0 if len(removed) == len(unknown) else 1


def _state(file: str | None, stack: str) -> State:
    """Return the state, from where it was asked for. Raises CannotDo."""
    if file is None:
        return exported(stack_file.project_folder(Path.cwd()), stack)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotDo(f"--state {file}: cannot be read ({type(error).__name__})") from None
    return parsed(text, stack.rpartition("/")[2])


def _show(args: Namespace, stack: str, unknown: Sequence[Orphan], removed: Sequence[Orphan]) -> None:
    if args.json:
        print_json([{**_row(one), "left": one.left, "removed": one in removed} for one in unknown])
    elif unknown:
        print_table(_HEADER, [list(_row(one).values()) for one in unknown])
    else:
        print(f"none: the state knows all that Docker has of stack {stack}")


def _row(one: Orphan) -> dict[str, str]:
    found = one.found
    cells = (found.name, found.kind, found.state, found.generation, found.ports, found.host.docker, one.why)
    return {name: str(cell) for name, cell in zip(_HEADER, cells, strict=True)}
