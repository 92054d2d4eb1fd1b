"""`recover`: takes over what an interrupted `pulumi up` made, so that the next `up` goes on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from infra.aliyun.driver.recovering import recovered, show
from infra.aliyun.driver.session import Session, add_command
from infra.command_line import Commands, add_json, print_json


def add(commands: Commands[Any]) -> None:
    """Declare `recover`."""
    parser = add_command(
        commands,
        "recover",
        "Take over what an interrupted `pulumi up` made; `up` and `release` do it first by themselves.",
    )
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="Take over all that the program would create and that exists under its name, from whomever it is.",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Recover, and show what was found."""
    found = recovered(session, adopting=session.args.adopt)
    if session.args.json:
        print_json({"found": [asdict(one) for one in found]})
    elif found:
        show(found)
    else:
        print(f"{session.stack}: there is nothing to recover")
    return 0
