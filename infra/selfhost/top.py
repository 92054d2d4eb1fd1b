"""`top`: what each service of a stack uses at the moment, the busiest first."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from infra.command_errors import CannotDo
from infra.command_line import Commands, add_json, print_json
from infra.finding import failed
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.names import short
from infra.selfhost.running import Running, look
from infra.selfhost.stack_session import Session, add_command
from infra.selfhost.status import print_findings
from infra.tables import print_table

_HEADER = ("service", "host", "CPU", "memory", "of its limit", "network in / out", "disk read / written", "processes")


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a service uses, in Docker's words. cpu_percent: of one processor."""

    service: str
    host: str
    cpu_percent: float
    memory: str
    memory_percent: float
    network: str
    disk: str
    processes: int

    def cells(self) -> tuple[str, ...]:
        """Return its line in the table."""
        shares = (f"{self.cpu_percent:.1f} %", self.memory, f"{self.memory_percent:.0f} %")
        return (self.service, self.host, *shares, self.network, self.disk, str(self.processes))


def add(commands: Commands[Any]) -> None:
    """Declare `top`."""
    parser = add_command(commands, "top", "Show what each service uses: processor, memory, network, disk.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print a row for each service that runs; 1 when a host could not be asked."""
    session = Session.of(args)
    view = look(session.hosts, session.stack)
    unseen = dict(view.unseen)
    used: list[Use] = []
    by_host = [(host, [one for one in view.serving if one.host is host]) for host in session.hosts]
    with ThreadPoolExecutor(len(by_host)) as pool:
        for host, found in zip(session.hosts, pool.map(lambda both: _used(*both), by_host), strict=True):
            if isinstance(found, CannotDo):
                unseen[host.name] = str(found)
            else:
                used += found
    used.sort(key=lambda one: (-one.cpu_percent, one.service))
    if args.json:
        print_json({"services": [asdict(one) for one in used], "unseen": unseen})
    else:
        print_table(_HEADER, [one.cells() for one in used])
        if unseen:
            print_findings(
                [failed(f"host {host}", why, "check the address and the host") for host, why in unseen.items()]
            )
    return 1 if unseen else 0


def _used(host: DockerHost, containers: Sequence[Running]) -> list[Use] | CannotDo:
    services = {one.id: one for one in containers if one.state not in ("exited", "created", "dead")}
    if not services:
        return []
    try:
        said = host.run("stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", *services)
    except CannotDo as error:
        return error
    return [_use(services[one["ID"]], one) for one in map(json.loads, said.splitlines())]


def _use(one: Running, stats: Mapping[str, str]) -> Use:
    return Use(
        service=short(one.service),
        host=one.host.name,
        cpu_percent=_percent(stats["CPUPerc"]),
        memory=stats["MemUsage"],
        memory_percent=_percent(stats["MemPerc"]),
        network=stats["NetIO"],
        disk=stats["BlockIO"],
        processes=int(stats["PIDs"]) if stats["PIDs"].isdigit() else 0,
    )


def _percent(text: str) -> float:
    """Return a share; Docker writes -- for a container that has just ended."""
    return float(text.removesuffix("%")) if text[:1].isdigit() else 0.0
