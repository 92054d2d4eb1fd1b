"""Reads the latest log lines and events of a service for known failures."""

from __future__ import annotations

from collections.abc import Iterator

from infra.finding import Finding, State, ok
from infra.hiding import Hider
from infra.render.api.client import RenderApi
from infra.render.api.clock import seconds, text
from infra.render.deployed.choosing import Json, Service
from infra.render.doctor.known_failures import event_text, recognised

_EVENTS = (
    *("server_failed", "deploy_ended", "build_ended", "pre_deploy_ended", "image_pull_failed", "cron_job_run_ended"),
)
_CUT = 160  # characters of a line that is shown


def read_logs(
    api: RenderApi,
    owner: str,
    service: Service,
    live: Json | None,
    *,
    hider: Hider,
    start_s: float,
    lines: int,
) -> Iterator[Finding]:
    """Yield the known failures since a moment; those from before the deploy that runs are warnings, as they are over.

    lines: how many are read at most; the newest are.
    """
    found = [
        (seconds(line.time), hider.clean(line.message))
        for line in api.logs.latest(owner, [service.id], lines, startTime=text(start_s))
    ]
    for event in api.events.all(service.id, type=list(_EVENTS), startTime=text(start_s)):
        said = event_text(event)
        if said and seconds(event["timestamp"]) >= start_s:
            found.append((seconds(event["timestamp"]), hider.clean(said)))
    found.sort()
    began_s = seconds(live.get("startedAt") or live["createdAt"]) if live else 0.0
    now = recognised(said for when_s, said in found if when_s >= began_s)
    before = recognised(said for when_s, said in found if when_s < began_s)
    still = {one.id for one in now}
    for one in now:
        yield _told(State.FAILED, service, one.what, one.count, one.last, one.remedy)
    for one in before:
        if one.id not in still:
            what = f"{one.what}, before the present deploy"
            yield _told(State.WARNING, service, what, one.count, one.last, one.remedy)
    if not (now or before):
        yield ok(f"logs of {service.name}", f"no known failure in {len(found)} lines and events")


def _told(state: State, service: Service, what: str, count: int, last: str, remedy: str) -> Finding:
    times = f" ({count} times)" if count > 1 else ""
    return Finding(state, f"logs of {service.name}", f"{what}{times}: {last.strip()[:_CUT]}", remedy)
