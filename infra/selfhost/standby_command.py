"""`promote` makes the standby the primary, once the old primary can no longer write; `rebuild-standby` copies anew."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from infra.command_errors import CannotDo
from infra.command_line import Commands
from infra.selfhost.database import ADMIN, DATA, DATABASE
from infra.selfhost.running import look
from infra.selfhost.stack_session import Session, add_command
from infra.selfhost.twin import FENCED
from infra.selfhost.twins import Server, Twins, twins_of

_STOP_S, _WITHIN_S = 90.0, 120.0
# Everything that was received has been replayed.
_REPLAYED = "select coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), true)"


def add(commands: Commands[Any]) -> None:
    """Declare the commands."""
    promote = add_command(
        commands,
        "promote",
        "Make the standby of PostgreSQL the primary. First the old primary is stopped, and marked so that it comes back"
        " as a standby; then nothing is lost.",
    )
    promote.add_argument(
        "--lost",
        action="store_true",
        help="The old primary's host does not answer, and you made sure that it is off or cut off from the others."
        " What the standby had not received is lost.",
    )
    promote.set_defaults(run=run_promote)
    rebuild = add_command(
        commands, "rebuild-standby", "Make the standby copy the primary anew, after it was away for too long."
    )
    rebuild.set_defaults(run=run_rebuild)


def run_promote(args: Namespace) -> int:
    """Promote the standby. Raises CannotDo, also when it stopped half-way; it can then be run again."""
    session = Session.of(args)
    twins = _twins(session)
    standby = twins.standby()
    if standby is None:
        raise CannotDo("no standby runs that could be promoted; see `python -m infra.selfhost status`")
    old = twins.other(standby)
    lost = _is_unseen(session, old)
    if lost and not args.lost:
        raise CannotDo(
            f"{old.host.docker} does not answer, so {old.service} there could go on writing; make sure that the host is"
            " off or cut off from the others, then run this with --lost"
        )
    if not lost:
        _fence(old)
    _say(f"waits until {standby.service} has replayed what it received")
    _until(lambda: standby.ask(_REPLAYED).strip() == "t", f"{standby.service} has not replayed its log")
    _say(f"promotes {standby.service}")
    standby.ask("select pg_promote(true, 60)", timeout_s=_WITHIN_S)
    _until(lambda: standby.ask("select pg_is_in_recovery()").strip() == "f", f"{standby.service} is still a standby")
    if lost:
        # Indexes may know of writes that are lost: they must not be used for this data.
        standby.ask("update instance set database_id = gen_random_uuid()", DATABASE)
    else:
        _start(old)
    _say(
        f"{standby.service} on {standby.host.docker} is the primary; replicas find it by themselves within seconds."
        + ("" if lost else f" {old.service} copies it now, and keeps its old data beside until you delete it.")
    )
    return 0


def run_rebuild(args: Namespace) -> int:
    """Have the standby copy the primary. Raises CannotDo."""
    twins = _twins(Session.of(args))
    primary = twins.primary()
    if primary is None:
        raise CannotDo("no primary runs that could be copied; see `python -m infra.selfhost status`")
    standby = twins.other(primary)
    if standby.container is None:
        raise CannotDo(f"{standby.service} is not there, or its host does not answer; run `pulumi up`")
    _fence(standby)
    primary.ask("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'twin'")
    _start(standby)
    _say(f"{standby.service} copies {primary.service} now; it keeps its old data beside until you delete it")
    return 0


def _twins(session: Session) -> Twins:
    if session.declared.options.hosts.standby is None:
        raise CannotDo(f"stack {session.stack} has no standby; give it one with `hosts: {{standby: …}}`")
    return twins_of(look(session.hosts, session.stack), session.hosts)


def _is_unseen(session: Session, server: Server) -> bool:
    """Whether the host of a server does not answer, so that it can't be known whether the server runs."""
    return server.host.name in look([server.host], session.stack).unseen


def _fence(server: Server) -> None:
    """Stop a server, and mark its data so that it starts as a standby. Raises CannotDo."""
    if server.container is None:
        return  # it is not there, and what is made for it starts by asking the other
    _say(f"stops {server.service} and marks its data")
    host, container = server.host, server.container
    # A clean stop ends when the standby has received everything.
    host.run("stop", "--time", "60", container, timeout_s=_STOP_S)
    image = host.inspect("container", [container])[0]["Image"]
    mark = ("--user", ADMIN, "--network", "none", "--entrypoint", "touch", image, f"{DATA}/{FENCED}")
    host.run("run", "--rm", "--volumes-from", container, *mark)


def _start(server: Server) -> None:
    if server.container is not None:
        server.host.run("start", server.container)


def _until(holds: Callable[[], bool], problem: str) -> None:
    end = time.monotonic() + _WITHIN_S
    while not holds():
        if time.monotonic() > end:
            raise CannotDo(f"{problem} after {_WITHIN_S:.0f} s; nothing was undone, run this again")
        time.sleep(0.5)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
