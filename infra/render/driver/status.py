"""`status`: what runs, what it runs, and since when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from infra.command_line import Commands, add_json, print_json
from infra.render.api.deploys import CANCELED, FAILED, LIVE
from infra.render.deployed.choosing import CRON, Json, Service
from infra.render.deployed.names import Store, name_of
from infra.render.deployed.revisions import live_deploy, revision, when
from infra.render.driver.common import Session, add_command
from infra.tables import print_table


@dataclass(frozen=True)
class Row:
    """A service or a store. since: when what runs became live."""

    name: str
    kind: str
    state: str
    instances: str
    plan: str
    runs: str
    since: str
    note: str


def add(commands: Commands[Any]) -> None:
    """Declare `status`."""
    parser = add_command(commands, "status", "Show what runs, what it runs, and since when.")
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print a row for each service and store; that one is down is no failure of this command."""
    rows = [_service_row(session, one) for one in session.services]
    if not session.args.service:
        rows += _store_rows(session)
    if session.args.json:
        print_json([asdict(row) for row in rows])
    else:
        header = ("name", "kind", "state", "instances", "plan", "runs", "since (UTC)", "")
        print_table(header, [tuple(asdict(row).values()) for row in rows])
    return 0


def _service_row(session: Session, service: Service) -> Row:
    latest = session.api.deploys.latest(service.id)
    live = live_deploy(session.api, service.id, latest)
    state, note = _state(service, latest, live)
    return Row(
        name=service.name,
        kind=service.type.replace("_", " "),
        state=state,
        instances=_instances(session, service),
        plan=str(service.details.get("plan") or "-"),
        runs=revision(live) if live else "-",
        since=when(live.get("finishedAt")) if live else "-",
        note=note or _address(service),
    )


def _state(service: Service, latest: Json | None, live: Json | None) -> tuple[str, str]:
    """Return the state in a word, and what there is to say about it."""
    if service.is_suspended:
        by = ", ".join(service.answer.get("suspenders") or []) or "unknown"
        return "suspended", f"by {by}"
    if latest is None:
        return "failed", "was never deployed"
    status = str(latest["status"])
    if status in FAILED:
        return "failed", f"{status} ({latest['id']}); {'the one before it runs' if live else 'nothing runs'}"
    if status == LIVE:
        return "live", ""
    if status == CANCELED:
        return ("live" if live else "failed"), f"the newest deploy was canceled ({latest['id']})"
    return "deploying", f"{status} ({latest['id']})"


def _instances(session: Session, service: Service) -> str:
    if service.type == CRON:
        return str(service.details.get("schedule") or "-")
    running = str(len(session.api.services.instances(service.id)))
    scaling = service.details.get("autoscaling") or {}
    if scaling.get("enabled"):
        return f"{running} of {scaling['min']} to {scaling['max']}"
    wanted = service.details.get("numInstances")
    return f"{running} of {wanted}" if wanted is not None else running


def _address(service: Service) -> str:
    return str(service.details.get("url") or "")


def _store_rows(session: Session) -> list[Row]:
    name = name_of(session.stack, Store.POSTGRES)
    return [
        Row(
            name=one["name"],
            kind=f"PostgreSQL {one.get('version', '')}".rstrip(),
            state=str(one.get("status", "-")),
            instances="-",
            plan=str(one.get("plan") or "-"),
            runs="-",
            since=when(one.get("createdAt")),
            note=f"expires {when(one['expiresAt'])}" if one.get("expiresAt") else "",
        )
        for one in session.api.postgres.named(name, ownerId=session.owner)
    ]
