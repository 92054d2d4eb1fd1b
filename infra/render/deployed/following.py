"""New log lines of services: over Render's WebSocket, or by asking again and again where that does not work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from infra.render.api.client import RenderApi
from infra.render.api.clock import seconds
from infra.render.api.errors import RenderError
from infra.render.api.observed import LogLine
from infra.render.api.subscription import SocketFailed
from infra.render.deployed.choosing import Service

POLL_S = 2.0
# A line may become readable a little after its time.
_OVERLAP_S = 10.0
# How long a wait for a line may keep the process from noticing that it should stop.
_LOOK_S = 0.5
_OPENINGS = 3  # of a socket that breaks off again and again, each after one more second

Say = Callable[[str], None]
GoOn = Callable[[], bool]


def by_region(services: Sequence[Service]) -> dict[str, list[str]]:
    """Return the ids of services by region: Render answers logs of one region at a time."""
    regions: dict[str, list[str]] = {}
    for one in services:
        regions.setdefault(one.region, []).append(one.id)
    return regions


def follow(
    api: RenderApi,
    owner: str,
    services: Sequence[Service],
    *,
    start_s: float,
    filters: Mapping[str, Any],
    say: Say,
    go_on: GoOn = lambda: True,
) -> Generator[LogLine, None, None]:
    """Yield lines from a moment on, each once, until `go_on` says no. Raises RenderError."""
    lines: queue.Queue[LogLine | Exception | None] = queue.Queue()
    stopped = threading.Event()

    def may_go_on() -> bool:
        return go_on() and not stopped.is_set()

    def run(ids: list[str]) -> None:
        try:
            for line in _Region(api, owner, ids, filters, say, may_go_on).lines(start_s):
                lines.put(line)
        except RenderError as error:
            lines.put(error)
        finally:
            lines.put(None)

    threads = [threading.Thread(target=run, args=(ids,), daemon=True) for ids in by_region(services).values()]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            one = lines.get()
            if isinstance(one, Exception):
                raise one
            if one is None:
                running -= 1
            else:
                yield one
    finally:
        stopped.set()


class _Region:
    """The lines of one region."""

    def __init__(
        self, api: RenderApi, owner: str, ids: list[str], filters: Mapping[str, Any], say: Say, go_on: GoOn
    ) -> None:
        self._api, self._owner, self._ids, self._filters = api, owner, ids, dict(filters)
        self._say, self._go_on = say, go_on
        self._seen: dict[str, float] = {}  # the times of the last lines, by id

    def lines(self, start_s: float) -> Iterator[LogLine]:
        """Yield them from the socket as long as that goes, then by asking."""
        failures = 0
        while self._go_on() and failures < _OPENINGS:
            known = len(self._seen)
            try:
                yield from self._from_socket(self._from_s(start_s))
            except SocketFailed as error:
                failures = failures + 1 if len(self._seen) == known else 1
                if error.refused or failures == _OPENINGS:
                    self._say(f"{error}; asking for new lines every {POLL_S:.0f} s instead")
                    break
                self._api.clock.sleep(failures)
        if self._go_on():
            polled = self._api.logs.follow(
                self._owner,
                self._ids,
                start_s=self._from_s(start_s),
                poll_s=POLL_S,
                go_on=self._go_on,
                **self._filters,
            )
            yield from filter(self._is_new, polled)

    def _from_socket(self, start_s: float) -> Iterator[LogLine]:
        with self._api.subscriptions.open(self._owner, self._ids, **self._filters) as socket:
            # What was written before the socket was open, or while it was not.
            yield from filter(self._is_new, self._api.logs.since(self._owner, self._ids, start_s, **self._filters))
            while self._go_on():
                line = socket.next(_LOOK_S)
                if line and self._is_new(line):
                    yield line

    def _is_new(self, line: LogLine) -> bool:
        if line.id in self._seen:
            return False
        self._seen[line.id] = seconds(line.time)
        if len(self._seen) > 10_000:
            oldest_s = max(self._seen.values()) - 2 * _OVERLAP_S
            self._seen = {id_: time_s for id_, time_s in self._seen.items() if time_s >= oldest_s}
        return True

    def _from_s(self, start_s: float) -> float:
        return max(self._seen.values()) - _OVERLAP_S if self._seen else start_s
