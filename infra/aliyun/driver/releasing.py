"""What `release` and `rollback` have in common: the table before and after, the question, the deploy, its test."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from typing import TextIO

from infra.aliyun.deployed import outputs, stack
from infra.aliyun.deployed.outputs import Outputs
from infra.aliyun.deployed.releases import Wanted, rows
from infra.aliyun.driver.invoking import both_ways, report
from infra.aliyun.driver.recovering import recovered
from infra.aliyun.driver.session import Session, add_token
from infra.command_errors import CannotDo, WrongUsage
from infra.command_line import add_json, count, print_json
from infra.tables import print_table

KEEP = 3


def add_yes(parser: ArgumentParser) -> None:
    """Declare --yes."""
    parser.add_argument("--yes", action="store_true", help="Do not ask.")


def add_options(parser: ArgumentParser) -> None:
    """Declare what `release` and `rollback` take."""
    parser.add_argument(
        "--keep", type=count, default=KEEP, metavar="N", help=f"Earlier releases that stay, to go back to ({KEEP})."
    )
    parser.add_argument("--no-invoke", action="store_true", help="Do not test it afterwards.")
    add_token(parser)
    add_yes(parser)
    add_json(parser)


def ask_at() -> TextIO:
    """Return where answers come from."""
    return sys.stdin


def confirm(session: Session, question: str) -> None:
    """Ask, unless --yes is given. Raises WrongUsage where there is no one to ask, CannotDo when the answer is no."""
    if session.args.yes:
        return
    terminal = ask_at()
    if not terminal.isatty():
        raise WrongUsage("there is no terminal to ask at; give --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if terminal.readline().strip().lower() not in ("y", "yes"):
        raise CannotDo("nothing was changed")


def show(session: Session, title: str, found: Outputs) -> None:
    """Print the releases and their shares of the requests, unless JSON is wanted."""
    if session.args.json:
        return
    print(title)
    header = ("release", "version", "share", "")
    print_table(header, [(row.release, row.version, f"{row.share} %", row.note) for row in rows(found)])


def carry_out(session: Session, wanted: Wanted, question: str, finish: Callable[[Outputs], Outputs]) -> int:
    """Show, ask, write the key, bring the stack up, finish, show again, and use the memory once; return the status.

    finish: takes the outputs after the deploy, and returns them as they are in the end.
    """
    before = session.outputs
    show(session, "Before:", before)
    confirm(session, question)
    recovered(session)
    present = session.stack_file.parts.get("release")
    stack.write_release(session.folder, session.stack, wanted, present if isinstance(present, dict) else {})
    stack.up(session.folder, session.stack, say=session.say, sleep=session.sleep)
    after = finish(outputs.read(session.folder, session.stack))
    show(session, "After:", after)
    trips = [] if session.args.no_invoke else both_ways(session, after.url, session.token)
    if session.args.json:
        print_json(
            {
                "before": [asdict(row) for row in rows(before)],
                "after": [asdict(row) for row in rows(after)],
                "invoke": [asdict(trip) for trip in trips],
            }
        )
    else:
        report(trips)
    return 0 if all(trip.ok for trip in trips) else 1
