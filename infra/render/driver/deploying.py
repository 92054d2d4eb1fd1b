"""What commands that deploy have in common: waiting, the end of a failed one's log with its remedy, the report."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from infra.command_errors import CannotDo
from infra.command_line import duration, print_json
from infra.render.api.clock import text
from infra.render.api.deploys import CANCELED
from infra.render.api.errors import RenderError
from infra.render.api.stages import LIMIT_S
from infra.render.deployed.revisions import MARGIN_S, began_s, revision
from infra.render.deployed.waiting import Watched, wait
from infra.render.doctor.known_failures import recognised
from infra.render.driver.common import Session

_LOG_LINES = 20


def add_wait(parser: ArgumentParser) -> None:
    """Declare --no-wait and --timeout."""
    parser.add_argument("--no-wait", action="store_true", help="Start it and do not wait.")
    parser.add_argument(
        "--timeout", type=duration, default=LIMIT_S, metavar="TIME", help="Wait no longer than this (default: 30m)."
    )


def watch(session: Session, started: Sequence[Watched]) -> list[Watched]:
    """Wait until deploys are over, telling each stage. Ctrl-C leaves them going on."""
    try:
        return wait(session.api, started, session.on_stage, session.args.timeout)
    except KeyboardInterrupt:
        for one in started:
            session.say(f"{one.service.name}: the deploy {one.deploy['id']} goes on by itself; see `deploys`")
        raise


def finish(session: Session, started: Sequence[Watched]) -> int:
    """Wait unless it is not wanted, report, and return the exit status: 1 when a deploy is not live."""
    no_wait = bool(session.args.no_wait)
    ended = list(started) if no_wait else watch(session, started)
    failed = [] if no_wait else [one for one in ended if not one.is_live]
    for one in failed:
        explain(session, one)
    if getattr(session.args, "json", False):
        print_json(
            [
                {
                    "service": one.service.name,
                    "deploy": one.deploy["id"],
                    "status": one.status,
                    "runs": revision(one.deploy),
                }
                for one in ended
            ]
        )
    else:
        for one in ended:
            print(f"{one.service.name}: {one.deploy['id']} {one.says} ({revision(one.deploy)})")
    return 1 if failed else 0


def explain(session: Session, one: Watched) -> None:
    """Tell why a deploy is not live: the end of its log, and the remedy where the failure is a known one."""
    name, id_ = one.service.name, one.deploy["id"]
    if not one.is_over:
        session.say(
            f"{name}: {id_} is not live after {session.args.timeout:.0f} s and goes on by itself; it {one.says}"
        )
        return
    if one.status == CANCELED:
        session.say(f"{name}: {id_} was canceled, in the dashboard or by a newer deploy")
        return
    kind = "build" if one.status == "build_failed" else "app"
    try:
        lines = session.api.logs.latest(
            session.owner, [one.service.id], _LOG_LINES, type=kind, startTime=text(began_s(one.deploy) - MARGIN_S)
        )
        shown = [session.hider.clean(line.message) for line in lines]
    except (RenderError, CannotDo) as error:
        session.say(f"{name}: the {kind} log cannot be read: {error}")
        return
    if not shown:
        session.say(f"{name}: the {kind} log has no line of this deploy")
        return
    session.say(f"{name}: the last lines of the {kind} log:")
    for line in shown:
        session.say(f"  {line}")
    for failure in recognised(shown):
        session.say(f"{name}: {failure.what}; {failure.remedy}")
