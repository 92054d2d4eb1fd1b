"""`status`: one page for a whole stack, which changes nothing: services, and what is wrong, old, full or left over."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infra.command_line import Commands, add_json, print_json
from infra.finding import Finding, State
from infra.selfhost import status_findings as findings
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.names import NAME, short
from infra.selfhost.prometheus_answers import PrometheusAnswers
from infra.selfhost.running import MISSING, Running, look
from infra.selfhost.stack_session import Session, add_command
from infra.selfhost.twins import SERVICES, twins_of
from infra.tables import print_table

PROMETHEUS, WORKER, PROXY = f"{NAME}-prometheus", f"{NAME}-app-worker", f"{NAME}-proxy"
_DIGEST_SHOWN = len("sha256:") + 12
_HEADER = ("service", "host", "state", "version", "image", "up for", "restarts", "ports")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A service. image: the digest in its registry; of an image that was loaded, its id. up_s: None unless it runs."""

    service: str
    host: str
    state: str
    version: str = ""
    image: str = ""
    up_s: float | None = None
    restarts: int = 0
    ports: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        """Return its line in the table."""
        up = "-" if self.up_s is None else findings.duration(self.up_s)
        if self.state == MISSING:
            return (self.service, self.host, self.state, *["-"] * (len(_HEADER) - 3))
        shown = (self.version or "-", self.image[:_DIGEST_SHOWN], up, str(self.restarts), " ".join(self.ports) or "-")
        return (self.service, self.host, self.state, *shown)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything there is to say of a stack."""

    rows: Sequence[Row]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings are no failure."""
        return not any(one.state is State.FAILED for one in self.findings)


def add(commands: Commands[Any]) -> None:
    """Declare `status`."""
    parser = add_command(
        commands, "status", "Show what runs, and what is wrong, old, full or left over. Changes nothing."
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print the page; 1 when something failed."""
    session = Session.of(args)
    page = page_of(session.hosts, session.stack, session.declared.options.domain, session.declared.services)
    if args.json:
        print_json(
            {
                "stack": session.stack,
                "ok": page.ok,
                "services": [asdict(row) for row in page.rows],
                "findings": [asdict(one) for one in page.findings],
            }
        )
    else:
        if page.rows:
            print_table(_HEADER, [row.cells() for row in page.rows])
        print_findings(page.findings)
    return 0 if page.ok else 1


def print_findings(found: Sequence[Finding]) -> None:
    """Print what was found, and what to do about it."""
    print_table(
        ("", "what", "found", "what to do"), [(str(one.state), one.what, one.found, one.remedy) for one in found]
    )


def page_of(hosts: Sequence[DockerHost], stack: str, domain: str | None, declared: Mapping[str, str]) -> Page:
    """Look at a stack. declared: the address of the engine of each service that is to run."""
    view = look(hosts, stack)
    by_engine = {host.docker: host.name for host in hosts}
    expected = {name: by_engine[engine] for name, engine in declared.items() if by_engine[engine] not in view.unseen}
    missing = [
        Row(service=short(name), host=host, state=MISSING)
        for name, host in expected.items()
        if view.newest(name) is None
    ]
    found = [*findings.services(view, list(expected))]
    if expected:
        found += [findings.orphans(view, declared), *findings.backups(view.newest(WORKER))]
    found += findings.reached(view.newest(PROXY), view.serving)
    if SERVICES[1] in expected:
        found.append(findings.standby(twins_of(view, hosts)))
    prometheus = view.newest(PROMETHEUS)
    if prometheus is not None:
        found += findings.measured(PrometheusAnswers(prometheus.host, prometheus.id), hosts, domain)
    return Page(rows=sorted([*map(_row, view.serving), *missing], key=lambda row: row.service), findings=found)


def _row(one: Running) -> Row:
    up = one.state not in ("exited", "created", "dead")
    return Row(
        service=short(one.service),
        host=one.host.name,
        state=one.state,
        version=one.version,
        image=one.digest or one.image_id,
        up_s=max(0.0, time.time() - one.started.timestamp()) if up else None,
        restarts=one.restarts,
        ports=tuple(map(str, one.ports)),
    )
