"""`logs`: the last lines of services, in the order of their times, or new ones as they come."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from argparse import Namespace
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from infra.command_errors import CannotDo, WrongUsage, meant
from infra.command_line import Commands, add_json, count, duration
from infra.hiding import without_controls
from infra.selfhost.names import NAME, short
from infra.selfhost.running import Running, look
from infra.selfhost.stack_session import Session, add_command

_LINES = 100
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Line:
    """A line of a log. time: as Docker writes it, which sorts as text."""

    time: str
    service: str
    text: str


def add(commands: Commands[Any]) -> None:
    """Declare `logs`."""
    parser = add_command(commands, "logs", "Show the last log lines of services, or follow new ones.")
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="A service as `status` names it, such as app-1.")
    parser.add_argument("--all", action="store_true", help="All services.")
    parser.add_argument(
        "--lines", type=count, default=_LINES, metavar="N", help=f"N lines of each (default: {_LINES})."
    )
    parser.add_argument("--since", type=duration, metavar="TIME", help="Only lines that are not older, such as 30m.")
    parser.add_argument("--follow", "-f", action="store_true", help="Print new lines as they come, until Ctrl-C.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print lines, oldest first."""
    if args.all == bool(args.services):
        raise WrongUsage("name services, or --all")
    session = Session.of(args)
    view = look(session.hosts, session.stack)
    if view.unseen and not view.containers:
        raise CannotDo("; ".join(view.unseen.values()))
    chosen = _chosen(view.containers, None if args.all else args.services)
    options = ["--timestamps", "--tail", str(args.lines)]
    options += [] if args.since is None else ["--since", f"{args.since:.0f}s"]
    if args.follow:
        _follow(chosen, options, args.json)
        return 0
    for line in _last(chosen, options):
        _print(line, args.json)
    return 0


def _follow(chosen: Sequence[Running], options: Sequence[str], as_json: bool) -> None:
    with closing(_following(chosen, options)) as lines, suppress(KeyboardInterrupt):  # how following ends
        for line in lines:
            _print(line, as_json)


def _chosen(containers: Sequence[Running], names: Sequence[str] | None) -> list[Running]:
    """Return the newest container of each service that is meant; without names of each that serves."""
    newest = {short(one.service): one for one in sorted(containers, key=lambda one: one.created)}
    if names is None:
        return [one for one in newest.values() if one.serves]
    names = [name.removeprefix(f"{NAME}-") for name in names]
    for name in names:
        if name not in newest:
            raise WrongUsage(f"there is no service {name}{meant(name, newest)}; there are {', '.join(sorted(newest))}")
    return [newest[name] for name in dict.fromkeys(names)]


def _last(chosen: Sequence[Running], options: Sequence[str]) -> list[Line]:
    with ThreadPoolExecutor(max(1, len(chosen))) as pool:
        found = list(pool.map(lambda one: _read(one, options), chosen))
    return sorted((line for lines in found for line in lines), key=lambda line: line.time)


def _read(one: Running, options: Sequence[str]) -> list[Line]:
    command = one.host.command("logs", *options, one.id)
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and an id that Docker gave
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise CannotDo(f"the log of {short(one.service)}: no answer within {_TIMEOUT_S:g} s") from None
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise CannotDo(f"the log of {short(one.service)}: {' '.join(said.split())[-300:]}")
    return [_line(one, text) for text in said.splitlines()]


def _following(chosen: Sequence[Running], options: Sequence[str]) -> Generator[Line, None, None]:
    """Yield lines as they come, until all containers have ended."""
    lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
    readers = [
        subprocess.Popen(  # noqa: S603 - our own words, and an id that Docker gave
            one.host.command("logs", "--follow", *options, one.id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for one in chosen
    ]
    for one, reader in zip(chosen, readers, strict=True):
        threading.Thread(target=_pass_on, args=(one, reader, lines), daemon=True).start()
    try:
        left = len(readers)
        while left:
            line = lines.get()
            if line is None:
                left -= 1
            else:
                yield line
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()


def _pass_on(one: Running, reader: subprocess.Popen[bytes], lines: queue.SimpleQueue[Line | None]) -> None:
    assert reader.stdout is not None, "it is a pipe"
    for text in reader.stdout:
        lines.put(_line(one, text.decode(errors="replace").rstrip("\r\n")))
    lines.put(None)


def _line(one: Running, text: str) -> Line:
    time, _, rest = text.partition(" ")
    return Line(time, short(one.service), without_controls(rest))


def _print(line: Line, as_json: bool) -> None:
    if as_json:
        print(json.dumps(vars(line), ensure_ascii=False), flush=True)
    else:
        print(f"{line.time[:19]}Z {line.service} {line.text}", flush=True)
