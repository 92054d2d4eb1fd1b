"""`logs`: the last lines of build, deploy, app and requests, or new ones as they come."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from app.terminal import console
from infra.command_errors import CannotDo, WrongUsage
from infra.command_line import Commands, add_json, count, duration
from infra.render.api.clock import seconds, text
from infra.render.api.observed import LogLine
from infra.render.deployed.choosing import Service
from infra.render.deployed.following import by_region, follow
from infra.render.deployed.revisions import MARGIN_S, began_s, deploy_named
from infra.render.driver.common import Session, add_command

_LINES = 100
_DEPLOY = "deploy"
KINDS = ("app", "build", "request", _DEPLOY)
_LEVELS = ("debug", "info", "warning", "error", "critical")
_COLOURS = {"error": "red", "critical": "bold red", "warning": "yellow"}


def add(commands: Commands[Any]) -> None:
    """Declare `logs`."""
    parser = add_command(commands, "logs", "Show the last log lines, or follow new ones; secrets are hidden.")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        action="append",
        default=[],
        help="Only these lines; deploy: those of the newest deploy.",
    )
    parser.add_argument("--deploy", metavar="ID", help="Only lines of this deploy; needs one --service.")
    _add_filters(parser)
    parser.add_argument("--since", type=duration, metavar="TIME", help="How far back, such as 30m (default: 7d).")
    parser.add_argument(
        "--lines", type=count, default=_LINES, metavar="N", help=f"At most N lines (default: {_LINES})."
    )
    parser.add_argument("--follow", "-f", action="store_true", help="Print new lines as they come, until Ctrl-C.")
    add_json(parser)
    parser.set_defaults(run=run)


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--level", choices=_LEVELS, action="append", default=[], help="Only lines of these levels.")
    parser.add_argument("--text", action="append", default=[], metavar="TEXT", help="Only lines with this text.")
    parser.add_argument("--instance", action="append", default=[], metavar="ID", help="Only lines of this instance.")


def run(session: Session) -> int:
    """Print lines, oldest first."""
    args = session.args
    of_deploy = args.deploy is not None or _DEPLOY in args.kind
    if args.follow and of_deploy:
        raise WrongUsage("--follow goes with --kind app, build or request; `deploy` itself waits and shows how it goes")
    printer = _Printer(session)
    if args.follow:
        _follow(session, printer)
        return 0
    lines = _of_deploys(session) if of_deploy else _latest(session, session.services, _kinds(session), _since(session))
    shown = sorted(lines, key=lambda line: seconds(line.time))[-args.lines :]
    for line in shown:
        printer.print(line)
    if not shown:
        session.say("no line fits" if of_deploy or args.since else "no line fits in the last 7 days; see --since")
    return 0


def _follow(session: Session, printer: _Printer) -> None:
    start_s = session.clock.now() - (session.args.since or 0.0)
    filters = _filters(session) | _kinds(session)
    lines = follow(session.api, session.owner, session.services, start_s=start_s, filters=filters, say=session.say)
    try:
        for line in lines:
            printer.print(line)
    except KeyboardInterrupt:  # how following ends
        lines.close()


def _of_deploys(session: Session) -> list[LogLine]:
    """Return the lines between a deploy's start and end; of the newest deploy of each service if none is named."""
    services, id_ = session.services, session.args.deploy
    if id_ is not None:
        service = session.one_service
        deploys = [(service, deploy_named(session.api, service, id_, "--deploy"))]
    else:
        deploys = [(one, latest) for one in services if (latest := session.api.deploys.latest(one.id))]
    found: list[LogLine] = []
    for service, deploy in deploys:
        times = {"startTime": text(began_s(deploy) - MARGIN_S)}
        if deploy.get("finishedAt"):
            times["endTime"] = text(seconds(deploy["finishedAt"]) + MARGIN_S)
        found += _latest(session, [service], {"type": ["build", "app"]}, times)
    return found


def _latest(
    session: Session, services: list[Service], kinds: dict[str, Any], times: dict[str, str]
) -> Iterable[LogLine]:
    """Yield the last lines of each region: Render answers logs of one region at a time."""
    for ids in by_region(services).values():
        filters = _filters(session) | kinds | times
        yield from session.api.logs.latest(session.owner, ids, session.args.lines, **filters)


def _filters(session: Session) -> dict[str, Any]:
    given = {name: getattr(session.args, name) for name in ("level", "text", "instance")}
    return {name: value for name, value in given.items() if value}


def _kinds(session: Session) -> dict[str, Any]:
    return {"type": session.args.kind} if session.args.kind else {}


def _since(session: Session) -> dict[str, str]:
    """Render alone would go back one hour."""
    return {"startTime": text(session.clock.now() - (session.args.since or duration("7d")))}


class _Printer:
    """Prints lines with the name of their service, without secrets and without what would act on a terminal."""

    def __init__(self, session: Session) -> None:
        self._json = bool(session.args.json)
        self._hider = session.hider
        self._names = {one.id: one.name for one in session.services}
        if not self._names:
            raise CannotDo("no services")
        self._console = console(soft_wrap=True, highlight=False, markup=False, emoji=False)

    def print(self, line: LogLine) -> None:
        """Print a line."""
        name = self._names.get(line.labels.get("resource", ""), "-")
        message = self._hider.clean(line.message).rstrip()
        kind, level = line.labels.get("type", ""), line.labels.get("level", "")
        if self._json:
            shown = {"time": line.time, "service": name, "kind": kind, "level": level, "message": message}
            print(json.dumps(shown | {"instance": line.labels.get("instance", "")}, ensure_ascii=False), flush=True)
            return
        self._console.print(f"{line.time[:19]}Z {name} [{kind}] {message}", style=_COLOURS.get(level, ""))
