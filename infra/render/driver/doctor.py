"""`doctor`: why it works here and not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.command_line import Commands, add_json, count, duration, print_json
from infra.finding import Finding, State, failed, skipped
from infra.render.deployed.app import AppFailed, DeployedApp
from infra.render.deployed.choosing import WEB, Json, Service
from infra.render.deployed.names import Store, name_of
from infra.render.deployed.revisions import live_deploy
from infra.render.doctor.comparing import compare
from infra.render.doctor.here import look
from infra.render.doctor.log_reading import read_logs
from infra.render.doctor.outside import call_services, check_health
from infra.render.doctor.services_check import check_postgres, check_regions, check_service
from infra.render.doctor.settings_check import check_running, check_variables, compare_settings
from infra.render.driver.common import Session, add_app, add_command
from infra.render.driver.reaching import app_of
from infra.tables import print_table

_LINES = 500
_SINCE_S = 86_400.0


def add(commands: Commands[Any]) -> None:
    """Declare `doctor`."""
    parser = add_command(
        commands, "doctor", "Compare here and there, call every service for real, read the logs, name remedies."
    )
    parser.add_argument(
        "--env-file", type=Path, default=Path(".env"), metavar="FILE", help="Settings here (default: .env)."
    )
    parser.add_argument(
        "--since", type=duration, default=_SINCE_S, metavar="TIME", help="How far back logs are read (default: 24h)."
    )
    parser.add_argument(
        "--lines",
        type=count,
        default=_LINES,
        metavar="N",
        help=f"Read at most N log lines of each service (default: {_LINES}).",
    )
    add_app(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print all findings; 1 when one failed."""
    findings = list(_findings(session))
    bad = any(one.state is State.FAILED for one in findings)
    if session.args.json:
        print_json({"ok": not bad, "findings": [asdict(one) for one in findings]})
    else:
        rows = [(str(one.state), one.what, one.found, one.remedy) for one in findings]
        print_table(("", "what", "found", "what to do"), rows)
    return 1 if bad else 0


def _findings(session: Session) -> Iterator[Finding]:
    services = session.services
    live: dict[str, Json | None] = {}
    for service in services:
        latest = session.api.deploys.latest(service.id)
        live[service.id] = live_deploy(session.api, service.id, latest)
        yield from check_service(session.api, service, latest, live[service.id])
    yield from check_regions(services)
    if not session.args.service:
        name = name_of(session.stack, Store.POSTGRES)
        for store in session.api.postgres.named(name, ownerId=session.owner):
            yield from check_postgres(store)
    for service in services:
        if service.type == WEB and service.runs_the_app:
            yield from _app_findings(session, service, live[service.id])
    start_s = session.clock.now() - session.args.since
    for service in services:
        yield from read_logs(
            session.api,
            session.owner,
            service,
            live[service.id],
            hider=session.hider,
            start_s=start_s,
            lines=session.args.lines,
        )


def _app_findings(session: Session, service: Service, live: Json | None) -> Iterator[Finding]:
    variables = session.variables.of(service.id)
    yield from check_variables(variables, bool(service.details.get("disk")))
    if service.is_suspended or live is None:
        yield skipped("the app", f"{service.name} does not run, so it is not asked")
        return
    app = app_of(session, service)
    try:
        yield from check_health(app, session.hider)
    except AppFailed as error:
        yield failed("the app", session.hider.clean(str(error)), "what is known of it stands below, from its logs")
        return
    yield from _compared(session, app, live, variables)
    yield from call_services(app, variables, session.hider)


def _compared(session: Session, app: DeployedApp, live: Json, variables: dict[str, str]) -> Iterator[Finding]:
    here = look(session.args.env_file)
    try:
        report = app.report()
    except AppFailed as error:
        remedy = "give a token with the scope admin: --token-file FILE or MEMORY_TOKEN"
        yield skipped("here and there", session.hider.clean(str(error)), remedy if error.status in (401, 403) else "")
        return
    yield from compare(here, report, live)
    yield from check_running(variables, report)
    yield from compare_settings(here, report)
