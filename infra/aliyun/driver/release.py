"""`release`: what the checkout and the configuration describe gets the requests: all, or a share first."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from infra.aliyun.deployed import stack
from infra.aliyun.deployed.outputs import Outputs
from infra.aliyun.deployed.releases import Wanted, canary, canary_of, full, promoted
from infra.aliyun.driver.releasing import add_options, carry_out
from infra.aliyun.driver.session import Session, add_command
from infra.command_line import Commands
from infra.stack_file import read


def add(commands: Commands[Any]) -> None:
    """Declare `release`."""
    parser = add_command(
        commands, "release", "Release what is here: to all clients, to a share of the requests, or the canary to all."
    )
    _add_how(parser)
    add_options(parser)
    parser.set_defaults(run=run)


def _add_how(parser: ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--canary", type=_percent, metavar="N", help="Give the new release N percent of the requests.")
    how.add_argument("--promote", action="store_true", help="Give the canary all requests, exactly as it is.")


def _percent(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 99:
        raise ArgumentTypeError(f"got {value[:40]!r}, takes a percentage from 1 to 99")
    return int(value)


def run(session: Session) -> int:
    """Release; 1 when the memory does not work afterwards."""
    args, found = session.args, session.outputs
    if args.promote:
        wanted = promoted(found, args.keep)
        return carry_out(session, wanted, f"Give {wanted.serving} all requests?", lambda after: _unpin(session, after))
    if args.canary is not None:
        wanted = canary(found, args.canary, args.keep)
        question = f"Give what is here {args.canary} % of the requests, and {wanted.serving} the rest?"
        return carry_out(session, wanted, question, lambda after: _told_canary(session, after))
    return carry_out(session, full(found, args.keep), "Give what is here all requests?", lambda after: after)


def _unpin(session: Session, after: Outputs) -> Outputs:
    """Let the stack follow the checkout again, if that still describes the release that was promoted."""
    if after.release == after.serving:
        kept = tuple(name for name in _kept(session) if name != after.serving)
        _write(session, Wanted(keep=kept))
    else:
        session.say(
            f"{after.serving} has all requests. The checkout or the configuration has changed since its release, to"
            f" {after.release}, which `release` would release"
        )
    return after


def _told_canary(session: Session, after: Outputs) -> Outputs:
    """Say so when there is nothing new, and take the canary's key away again: the same release cannot have a share."""
    if canary_of(after) is None:
        _write(session, Wanted(keep=tuple(name for name in _kept(session) if name != after.serving)))
        session.say(f"nothing is new: {after.release} serves already, and has all requests")
    return after


def _kept(session: Session) -> tuple[str, ...]:
    return tuple(str(name) for name in _present(session).get("keep") or ())


def _present(session: Session) -> dict[str, Any]:
    present = read(session.folder, session.stack).parts.get("release")
    return present if isinstance(present, dict) else {}


def _write(session: Session, wanted: Wanted) -> None:
    stack.write_release(session.folder, session.stack, wanted, _present(session))
