"""`metrics`: CPU, memory, requests and latency of each service, now and over a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.command_line import Commands, add_json, duration, print_json
from infra.render.api.clock import seconds
from infra.render.api.errors import NotFound, Refused
from infra.render.deployed.choosing import WEB, Json, Service
from infra.render.driver.common import Session, add_command
from infra.tables import print_table

_HOUR_S = 3_600.0
_SHORTEST_STEP_S = 30  # Render's own
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24  # of a chart, in characters


@dataclass(frozen=True)
class Measured:
    """A metric of a service over the time asked for; limit: what its plan allows, None where there is none."""

    metric: str
    unit: str
    values: list[float]
    limit: float | None

    @property
    def now(self) -> float:
        return self.values[-1]


def add(commands: Commands[Any]) -> None:
    """Declare `metrics`."""
    parser = add_command(commands, "metrics", "Show CPU, memory and requests, now and over a while.")
    parser.add_argument("--since", type=duration, default=_HOUR_S, metavar="TIME", help="How far back (default: 1h).")
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Print a row for each metric of each service."""
    found = [(one, measured) for one in session.services for measured in _measured(session, one)]
    if session.args.json:
        print_json(
            [
                {
                    "service": service.name,
                    "metric": one.metric,
                    "unit": one.unit,
                    "now": one.now,
                    "mean": sum(one.values) / len(one.values),
                    "max": max(one.values),
                    "limit": one.limit,
                    "values": one.values,
                }
                for service, one in found
            ]
        )
        return 0
    if not found:
        print(f"nothing was measured in the last {session.args.since / 60:.0f} minutes")
        return 0
    print_table(
        ("service", "metric", "now", "mean", "max", "limit", "chart"),
        [(service.name, one.metric, *_figures(one), chart(one.values)) for service, one in found],
    )
    return 0


def _measured(session: Session, service: Service) -> Iterable[Measured]:
    """Yield the metrics that Render has: an instance's CPU and memory (the busiest one's), all of the requests."""
    for name, combine in (("cpu", max), ("memory", max)):
        series = _series(session, name, service)
        if series:
            limits = _combined(_series(session, f"{name}-limit", service), max)
            yield Measured(name, _unit(series), _combined(series, combine), limits[-1] if limits else None)
    if service.type == WEB:
        requests = _series(session, "http-requests", service)
        if requests:
            yield Measured("requests", _unit(requests), _combined(requests, sum), None)
        latency = _series(session, "http-latency", service)
        if latency:
            yield Measured("latency", _unit(latency), _combined(latency, max), None)


def _series(session: Session, name: str, service: Service) -> list[Json]:
    end_s = session.clock.now()
    since_s = session.args.since
    step_s = max(_SHORTEST_STEP_S, int(since_s / 60))
    try:
        found = session.api.metrics.series(name, service.id, start_s=end_s - since_s, end_s=end_s, resolution_s=step_s)
    except (NotFound, Refused):  # not measured for this type of service, or on this plan
        return []
    return [one for one in found if one.get("values")]


def _combined(series: list[Json], combine: Any) -> list[float]:
    """Return one value for each moment, of all series: instances, or status codes."""
    by_time: dict[float, list[float]] = {}
    for one in series:
        for point in one["values"]:
            by_time.setdefault(seconds(point["timestamp"]), []).append(float(point["value"]))
    return [float(combine(by_time[when])) for when in sorted(by_time)]


def _unit(series: list[Json]) -> str:
    return str(series[0].get("unit") or "")


def _figures(one: Measured) -> tuple[str, str, str, str]:
    mean = sum(one.values) / len(one.values)
    limit = "-" if one.limit is None else figure(one.limit, one.unit)
    return figure(one.now, one.unit), figure(mean, one.unit), figure(max(one.values), one.unit), limit


def figure(value: float, unit: str) -> str:
    """Return a value with its unit, bytes as MB."""
    if unit == "bytes":
        return f"{value / 1e6:,.0f} MB"
    return f"{value:,.3g} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}"


def chart(values: list[float]) -> str:
    """Return a line of bars from 0 to the highest value, the last moments to the right."""
    size = -(-len(values) // _WIDTH)
    groups = [values[place : place + size] for place in range(0, len(values), size)]
    heights = [max(group) for group in groups]
    top = max(heights) or 1.0
    return "".join(_BARS[min(int(height / top * len(_BARS)), len(_BARS) - 1)] for height in heights)
