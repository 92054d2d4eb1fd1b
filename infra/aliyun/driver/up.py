"""`up`: `pulumi up`, after what an interrupted one left is recovered, and repeated on too many requests."""

from __future__ import annotations

from typing import Any

from infra.aliyun.deployed import stack
from infra.aliyun.driver.recovering import recovered
from infra.aliyun.driver.releasing import add_yes, confirm
from infra.aliyun.driver.session import Session, add_command
from infra.command_line import Commands


def add(commands: Commands[Any]) -> None:
    """Declare `up`."""
    parser = add_command(commands, "up", "Recover, run `pulumi up`, and on 429 wait and run it again.")
    add_yes(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Bring the stack up. `pulumi preview` shows what would change."""
    confirm(session, f"Run `pulumi up` for the stack {session.stack}?")
    recovered(session)
    tries = stack.up(session.folder, session.stack, say=session.say, sleep=session.sleep)
    print(f"{session.stack} is up" + (f", after {tries} tries" if tries > 1 else ""))
    return 0
