"""`logs`: the last log lines of the functions, or new ones as they come."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from infra.aliyun.api.logs import Record
from infra.aliyun.driver.session import Session, add_command
from infra.command_errors import WrongUsage
from infra.command_line import Commands, add_json, count, duration

_LINES, _SINCE_S = 100, 3_600.0
_MOST = 10_000


def add(commands: Commands[Any]) -> None:
    """Declare `logs`."""
    parser = add_command(commands, "logs", "Show the last log lines, or follow new ones; secrets are hidden.")
    parser.add_argument("--since", type=duration, default=_SINCE_S, metavar="TIME", help="How far back (1h).")
    parser.add_argument("--lines", type=count, default=_LINES, metavar="N", help=f"At most so many ({_LINES}).")
    parser.add_argument("--grep", metavar="TEXT", help="Lines that hold this text alone.")
    parser.add_argument("--query", default="", metavar="QUERY", help="A query of Simple Log Service.")
    parser.add_argument("--request-id", metavar="ID", help="Lines of this request alone (header X-Fc-Request-Id).")
    parser.add_argument("--follow", "-f", action="store_true", help="Go on with new lines, until Ctrl-C.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print lines, oldest first."""
    query, since_s = query_of(session), session.now() - session.args.since
    if session.args.follow:
        try:
            _print(session, session.logs.follow(since_s, query))
        except KeyboardInterrupt:  # how following ends
            return 0
    # With --grep lines are left out afterwards, so more are read.
    wanted = _MOST if session.args.grep else session.args.lines
    found = [record for record in session.logs.latest(since_s, wanted, query) if _fits(session, record)]
    _print(session, found[-session.args.lines :])
    return 0


def query_of(session: Session) -> str:
    """Return the service's query. Raises WrongUsage."""
    id_ = session.args.request_id
    if id_ is None:
        return str(session.args.query)
    if not id_.replace("-", "").isalnum():
        raise WrongUsage(f"--request-id: got {id_[:60]!r}, takes an id such as 1-65a77fbb-157f3f32-e1ee24b17e49")
    quoted = f'"{id_}"'
    return f"({session.args.query}) and {quoted}" if session.args.query else quoted


def _fits(session: Session, record: Record) -> bool:
    return bool(record.message) and (session.args.grep is None or session.args.grep in record.message)


def _print(session: Session, records: Iterable[Record]) -> None:
    for record in records:
        if not _fits(session, record):
            continue
        message = session.hider.clean(record.message)
        when = datetime.fromtimestamp(record.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        function, instance = record.get("functionname"), record.get("instanceid")
        if session.args.json:
            shown = {"time": when, "function": function, "instance": instance, "request": record.get("requestid")}
            print(json.dumps(shown | {"message": message}, ensure_ascii=False), flush=True)
        else:
            print(f"{when} {function or '-'} {message}", flush=True)
