"""Logs, metrics and events. Tests add to State.logs (deploys.log) and State.metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.standins.render import deploys
from tests.standins.render.state import Json, Refused, Reply, Request, State, page

_UNITS = {"cpu": "cpu", "memory": "bytes", "http-requests": "requests", "http-latency": "milliseconds"}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _labels(line: Json) -> dict[str, str]:
    return {label["name"]: label["value"] for label in line["labels"]}


def fits(line: Json, request: Request) -> bool:
    """Whether a line passes the filters that are no times."""
    labels = _labels(line)
    return all(
        not request.query.get(name) or labels.get(name) in request.query[name]
        for name in ("resource", "instance", "level", "type")
    ) and all(text in line["message"] for text in request.query.get("text", []))


def logs(state: State, request: Request) -> Reply:
    state.owned((request.query.get("ownerId") or [""])[0])
    if not request.query.get("resource"):
        raise Refused(400, "resource is required")
    for service in state.services.values():
        deploys.go_on(state, service, looked=False)
    start = (request.query.get("startTime") or [_time_text(state.now() - 3600)])[0]
    end = (request.query.get("endTime") or ["9999-01-01T00:00:00Z"])[0]
    forward = request.query.get("direction") == ["forward"]
    limit = int((request.query.get("limit") or ["20"])[0])
    fitting = [line for line in state.logs if start <= line["timestamp"] <= end and fits(line, request)]
    ordered = fitting if forward else fitting[::-1]
    answer, rest = ordered[:limit], ordered[limit:]
    edge = rest[0]["timestamp"] if rest else (start if forward else end)
    bounds = {"nextStartTime": edge if forward else start, "nextEndTime": end if forward else edge}
    return 200, {"hasMore": bool(rest), **bounds, "logs": answer or None}


def log_values(state: State, request: Request) -> Reply:
    label, resources = request.query.get("label", [""])[0], request.query.get("resource", [])
    lines = [_labels(line) for line in state.logs]
    return 200, sorted({line[label] for line in lines if line["resource"] in resources and label in line})


def metrics(state: State, request: Request, name: str) -> Reply:
    resource = (request.query.get("resource") or [""])[0]
    start, end = (_seconds(request.query[bound][0]) for bound in ("startTime", "endTime"))
    points = [(when, value) for when, value in state.metrics.get((name, resource), []) if start <= when <= end]
    if not points:
        return 200, []
    values = [{"timestamp": _time(when), "value": value} for when, value in points]
    label = {"field": "resource", "value": resource}
    return 200, [{"labels": [label], "unit": _UNITS.get(name, "count"), "values": values}]


def _time_text(when_s: float) -> str:
    """Return a time as log lines have it."""
    return datetime.fromtimestamp(when_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(when_s: float) -> str:
    return datetime.fromtimestamp(when_s).astimezone().isoformat()


def events(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    deploys.go_on(state, service, looked=False)
    return page(request, [one for one in reversed(service.events) if request.fits(type=one["type"])], "event")


ROUTES = [
    ("GET", "/logs", logs),
    ("GET", "/logs/values", log_values),
    ("GET", "/metrics/([^/]+)", metrics),
    ("GET", "/services/([^/]+)/events", events),
]
