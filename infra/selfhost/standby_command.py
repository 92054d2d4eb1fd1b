"""`promote` makes the standby the primary, once the old primary can no longer write; `rebuild-standby` copies anew."""

from __future__ import annotations

import re
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
_LSN = r"[0-9A-F]+/[0-9A-F]+"
HAS = "select coalesce(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) > '{}'::pg_lsn, false)"
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
        help="Also where the standby may lack writes, which are lost then. If the old primary's host does not answer,"
        " make sure before that it is off or cut off from the others.",
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
    if unseen := _is_unseen(session, old):
        if not args.lost:
            raise CannotDo(
                f"{old.host.docker} does not answer, so {old.service} there could go on writing; make sure that the"
                " host is off or cut off from the others, then run this with --lost"
            )
        lost = True
    else:
        lost = _stopped_with_writes_lacking(old, standby)
        if lost and not args.lost:
            _start(old)
            raise CannotDo(
                f"{standby.service} may lack writes that {old.service} has, so {old.service} was started again; have"
                " the standby copied (`rebuild-standby`), or give those writes up with --lost"
            )
        _mark(old)
    _say(f"waits until {standby.service} has replayed what it received")
    _until(lambda: standby.ask(_REPLAYED).strip() == "t", f"{standby.service} has not replayed its log")
    _say(f"promotes {standby.service}")
    standby.ask("select pg_promote(true, 60)", timeout_s=_WITHIN_S)
    _until(lambda: standby.ask("select pg_is_in_recovery()").strip() == "f", f"{standby.service} is still a standby")
    if lost:
        # Indexes may know of writes that are lost: they must not be used for this data.
        standby.ask("update instance set database_id = gen_random_uuid()", DATABASE)
    if not unseen:
        _start(old)
    _say(
        f"{standby.service} on {standby.host.docker} is the primary; replicas find it by themselves within seconds."
        + ("" if unseen else f" {old.service} copies it now, and keeps its old data beside until you delete it.")
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
    _stop(standby)
    _mark(standby)
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


def _stopped_with_writes_lacking(primary: Server, standby: Server) -> bool:
    """Stop the primary; return whether it has, or may have, writes that the standby never received. Raises CannotDo.

    A clean stop ends when a standby that copies has received everything, the last checkpoint included. After a crash,
    or without its data, no one can tell.
    """
    if primary.container is None:
        return True
    _stop(primary)
    try:
        control = _beside(primary, "sh", "-c", 'LC_ALL=C pg_controldata "$PGDATA"')
    except CannotDo:  # the data is gone, or damaged
        return True
    said = dict(line.split(":", 1) for line in control.splitlines() if ":" in line)
    checkpoint = said.get("Latest checkpoint location", "").strip()
    if said.get("Database cluster state", "").strip() != "shut down" or not re.fullmatch(_LSN, checkpoint):
        return True
    return standby.ask(HAS.format(checkpoint)).strip() != "t"


def _stop(server: Server) -> None:
    _say(f"stops {server.service}")
    if server.container is not None:
        server.host.run("stop", "--time", "60", server.container, timeout_s=_STOP_S)


def _mark(server: Server) -> None:
    """Mark a stopped server's data, so that it starts as a standby. Raises CannotDo."""
    if server.container is not None:  # what is made for one that is not there starts by asking the other
        _beside(server, "touch", f"{DATA}/{FENCED}")


def _beside(server: Server, program: str, *arguments: str) -> str:
    """Run a program on a stopped server's data; return what it printed. Raises CannotDo."""
    assert server.container is not None, "only a server that is there has data"
    image = server.host.inspect("container", [server.container])[0]["Image"]
    place = ("--user", ADMIN, "--network", "none", "--volumes-from", server.container)
    return server.host.run("run", "--rm", *place, "--entrypoint", program, image, *arguments)


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
