"""What Render saw: logs, where it forwards them, metrics, events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.render.api.calls import Calls, Json, at
from infra.render.api.clock import seconds, text

LOG_PAGE = 100


@dataclass(frozen=True)
class LogLine:
    """time: as Render writes it. labels: among them `type` (app, request, build), `level`, `instance`, `resource`."""

    id: str
    time: str
    message: str
    labels: dict[str, str]


def line_of(answer: Json) -> LogLine:
    """Return a line as the API answers it."""
    labels = {label["name"]: label["value"] for label in answer.get("labels") or []}
    return LogLine(answer["id"], answer["timestamp"], answer["message"], labels)


class Logs:
    """Log lines of services and stores."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def latest(self, owner_id: str, resources: Sequence[str], count: int, **filters: Any) -> list[LogLine]:
        """Return the last `count` lines, oldest first. Filters: type, level, text, instance, startTime, endTime."""
        found: list[LogLine] = []
        for line in self._lines(owner_id, resources, "backward", min(count, LOG_PAGE), filters):
            found.append(line)
            if len(found) == count:
                break
        found.reverse()  # lines of one moment stay in the order they were written in
        return sorted(found, key=lambda line: seconds(line.time))

    def since(self, owner_id: str, resources: Sequence[str], start_s: float, **filters: Any) -> Iterator[LogLine]:
        """Yield the lines from a moment on (seconds since 1970), oldest first."""
        return self._lines(owner_id, resources, "forward", LOG_PAGE, {**filters, "startTime": text(start_s)})

    def follow(
        self,
        owner_id: str,
        resources: Sequence[str],
        *,
        start_s: float,
        poll_s: float = 2.0,
        go_on: Callable[[], bool] = lambda: True,
        **filters: Any,
    ) -> Iterator[LogLine]:
        """Yield the lines from a moment on, then new ones as they come, until `go_on` says no.

        A line may become readable a little after its time, so the last seconds are asked for again.
        """
        overlap_s, shown = 10.0, dict[str, float]()
        while True:
            for line in self.since(owner_id, resources, start_s, **filters):
                if line.id not in shown:
                    shown[line.id] = seconds(line.time)
                    yield line
            if not go_on():
                return
            if shown:
                start_s = max(start_s, max(shown.values()) - overlap_s)
                shown = {id_: time_s for id_, time_s in shown.items() if time_s >= start_s}
            self._calls.clock.sleep(poll_s)

    def values(self, owner_id: str, resources: Sequence[str], label: str) -> list[str]:
        """Return what a label has been, such as the types of lines there are."""
        found = self._calls.get_repeated("/logs/values", ownerId=owner_id, resource=list(resources), label=label)
        return list(found or [])

    def _lines(
        self, owner_id: str, resources: Sequence[str], direction: str, limit: int, filters: Json
    ) -> Iterator[LogLine]:
        asked = {"ownerId": owner_id, "resource": list(resources), "direction": direction, "limit": limit, **filters}
        while True:
            page = self._calls.get_repeated("/logs", **asked)
            yield from map(line_of, page.get("logs") or [])
            if not page.get("hasMore"):
                return
            following = asked | {"startTime": page["nextStartTime"], "endTime": page["nextEndTime"]}
            if following == asked:
                return  # the same page again, and again
            asked = following


class LogStreams:
    """Where logs are forwarded to: for the workspace, and exceptions for single resources."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_owner(self, owner_id: str) -> Json:
        """Return the workspace's. Raises NotFound if there is none."""
        found: Json = self._calls.get(at("logs", "streams", "owner", owner_id))
        return found

    def set_owner(self, owner_id: str, body: Json) -> Json:
        """Set the workspace's: endpoint, token, preview (send or drop)."""
        changed: Json = self._calls.put(at("logs", "streams", "owner", owner_id), body)
        return changed

    def delete_owner(self, owner_id: str) -> None:
        """Forward nothing. Raises NotFound."""
        self._calls.delete(at("logs", "streams", "owner", owner_id))

    def of_resource(self, id_: str) -> Json:
        """Return a resource's exception. Raises NotFound if there is none."""
        found: Json = self._calls.get(at("logs", "streams", "resource", id_))
        return found

    def set_resource(self, id_: str, body: Json) -> Json:
        """Set a resource's exception: setting (send or drop), endpoint, token."""
        changed: Json = self._calls.put(at("logs", "streams", "resource", id_), body)
        return changed

    def delete_resource(self, id_: str) -> None:
        """Treat the resource like all others. Raises NotFound."""
        self._calls.delete(at("logs", "streams", "resource", id_))


class Metrics:
    """Series of measured values."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def series(
        self, name: str, resource: str, *, start_s: float, end_s: float, resolution_s: int = 60, **filters: Any
    ) -> list[Json]:
        """Return the series `name` (cpu, memory, http-requests, http-latency, instance-count, ...) of a resource.

        Each has labels [{field, value}], values [{timestamp, value}] and a unit.
        """
        times = {"startTime": text(start_s), "endTime": text(end_s), "resolutionSeconds": resolution_s}
        found = self._calls.get_repeated(at("metrics", name), resource=resource, **times, **filters)
        return list(found or [])


class Events:
    """What happened to a service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, service_id: str, **filters: Any) -> Iterator[Json]:
        """Yield the events, newest first: id, timestamp, type, details. Filters: type, startTime, endTime."""
        return self._calls.items(at("services", service_id, "events"), "event", **filters)
