"""Whether services and stores run as Render sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from infra.finding import Finding, failed, ok, warning
from infra.render.api.client import RenderApi
from infra.render.api.deploys import FAILED
from infra.render.deployed.choosing import CRON, STATIC, WEB, Json, Service
from infra.render.deployed.revisions import when

HEALTH_PATH = "/health"
_EXPIRES_SOON = timedelta(days=14)


def check_service(api: RenderApi, service: Service, latest: Json | None, live: Json | None) -> Iterator[Finding]:
    """Yield how a service is. latest: its newest deploy; live: the one that runs."""
    name = service.name
    if service.is_suspended:
        by = ", ".join(service.answer.get("suspenders") or []) or "unknown"
        yield failed(name, f"suspended by {by}", f"`resume --service {name}`")
        return
    if latest is None:
        yield failed(name, "was never deployed", f"`deploy --service {name}`")
        return
    if latest["status"] in FAILED:
        kind = "build" if latest["status"] == "build_failed" else "app"
        runs = "the one before it runs" if live else "nothing runs"
        found = f"its newest deploy ended as {latest['status']}; {runs}"
        yield failed(name, found, f"`logs --service {name} --kind {kind}`; what is known of it stands below")
    elif live is None:
        yield warning(name, f"its first deploy is {latest['status']}", f"`logs --service {name} --follow`")
    elif service.type not in (CRON, STATIC) and not api.services.instances(service.id):
        yield failed(name, "no instance runs", f"`logs --service {name} --kind app` says why")
    else:
        yield ok(name, f"live since {when(live.get('finishedAt'))} UTC")
    if service.type == WEB and service.runs_the_app and service.details.get("healthCheckPath") != HEALTH_PATH:
        path = service.details.get("healthCheckPath") or "none"
        yield warning(name, f"health check path: {path}", f"set it to {HEALTH_PATH} in the stack")


def check_regions(services: Sequence[Service]) -> Iterator[Finding]:
    """Yield a finding when services cannot reach each other by internal addresses."""
    regions = sorted({one.region for one in services if one.region})
    if len(regions) > 1:
        found = f"services are in {' and '.join(regions)}"
        yield warning("regions", found, "internal addresses work within one region alone; keep a stack in one")


def check_postgres(store: Json) -> Iterator[Finding]:
    """Yield how a PostgreSQL of Render is."""
    name, status = str(store["name"]), str(store.get("status") or "unknown")
    if store.get("suspended") == "suspended":
        yield failed(name, "suspended", "resume it in the dashboard")
    elif status != "available":
        yield failed(name, status, "wait until it is available, or see it in the dashboard")
    else:
        yield ok(name, f"PostgreSQL {store.get('version', '')}, available")
    expires = store.get("expiresAt")
    if expires and datetime.fromisoformat(expires) - datetime.now(UTC) < _EXPIRES_SOON:
        yield warning(name, f"is free and expires {when(expires)}", "choose a paid plan in the stack before that")
