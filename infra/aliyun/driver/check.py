"""`check`: why clients get 412, or nothing: each cause tried, and what else the function and its logs tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, TypeVar

from infra.aliyun.api.access import NoKeys
from infra.aliyun.api.errors import ApiError
from infra.aliyun.api.functions import ALIAS
from infra.aliyun.doctor.asking import ask
from infra.aliyun.doctor.causes import causes
from infra.aliyun.doctor.evidence import Evidence
from infra.aliyun.doctor.rules import affinity, limits
from infra.aliyun.driver.invoke import address_of
from infra.aliyun.driver.session import Session, add_command, add_token
from infra.command_errors import CannotDo
from infra.command_line import Commands, add_json, count, duration, filled, print_json
from infra.finding import Finding, State
from infra.tables import print_table

_SINCE_S, _RECORDS = 3_600.0, 500

T = TypeVar("T")


def add(commands: Commands[Any]) -> None:
    """Declare `check`."""
    parser = add_command(commands, "check", "Try the causes of 412 one by one; then sessions, time-outs, memory, logs.")
    parser.add_argument("url", nargs="?", type=filled, metavar="URL", help="Ask this address alone, without a stack.")
    parser.add_argument("--since", type=duration, default=_SINCE_S, metavar="TIME", help="Logs so far back (1h).")
    parser.add_argument("--lines", type=count, default=_RECORDS, metavar="N", help=f"Of the logs ({_RECORDS}).")
    add_token(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print all findings; 1 when one failed."""
    findings = [_cleaned(session, one) for one in _findings(session)]
    bad = any(one.state is State.FAILED for one in findings)
    if session.args.json:
        print_json({"ok": not bad, "findings": [asdict(one) for one in findings]})
    else:
        rows = [(str(one.state), one.what, one.found, one.remedy) for one in findings]
        print_table(("", "what", "found", "what to do"), rows)
    return 1 if bad else 0


def _findings(session: Session) -> Iterator[Finding]:
    url, _ = address_of(session)
    session.say(f"asking {url}")
    answers = ask(url, session.token)
    if session.args.url:
        evidence = Evidence(answers)
        yield from causes(evidence)
        return
    name = session.outputs.function
    session.say(f"reading what is stored of {name}, and its logs")
    since_s = session.now() - session.args.since
    evidence = Evidence(
        answers,
        _or_none(session, lambda: session.functions.get(name, ALIAS)),
        _or_none(session, lambda: session.functions.triggers(name)),
        _or_none(session, lambda: session.logs.latest(since_s, session.args.lines)),
    )
    yield from causes(evidence)
    yield from affinity(evidence)
    yield from limits(evidence)


def _or_none(session: Session, read: Callable[[], T]) -> T | None:
    """Return what is read; say why, and go on without it, when that cannot be."""
    try:
        return read()
    except (ApiError, NoKeys, CannotDo) as error:
        session.say(session.hider.clean(str(error)))
        return None


def _cleaned(session: Session, one: Finding) -> Finding:
    return Finding(one.state, one.what, session.hider.clean(one.found), one.remedy)
