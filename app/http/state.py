"""What all connections of one listener share: their bounds, the bodies they hold, and who gives way to whom."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol, cast

from uvicorn.server import ServerState

from app.http.bounds import BOUNDS, Bodies, Bounds, Descriptors, NoDescriptors, SparseLog

if TYPE_CHECKING:
    from starlette.types import Scope

logger = logging.getLogger(__name__)

SHORT = "short_of_descriptors"


class Connection(Protocol):
    """One connection: app.http.connection."""

    def look(self, now: float) -> None:
        """Close it if it is over a time."""

    def stalled(self, now: float) -> float:
        """Return for how many seconds no byte came of a body that is not whole; 0 when none is awaited."""

    def give_way(self) -> None:
        """Close at once."""


class State(ServerState):
    """uvicorn's, and the connections that may be closed to make room, oldest first.

    silent: no request came yet. idle: its last request was answered.
    """

    def __init__(self, bounds: Bounds = BOUNDS, descriptors: Descriptors | None = None) -> None:
        super().__init__()
        self.bounds, self.bodies, self.log = bounds, Bodies(bounds), SparseLog()
        self.descriptors = descriptors or Descriptors()
        self.silent: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}

    def forget(self, connection: Connection) -> None:
        """Note that a connection has a request in work, or is closed."""
        self.silent.pop(connection, None)
        self.idle.pop(connection, None)

    def look(self, now: float) -> None:
        """Close the connections that are over a time, and say when no more can be accepted."""
        for connection in self._all():
            try:
                connection.look(now)
            except Exception:  # as in a callback of the loop: it must not end the listener and all others
                logger.exception("a connection failed and is closed")
                connection.give_way()
        self.descriptors.measure()
        if self.descriptors.exhausted():
            self.log.warn(f"no connection can be accepted: all {self.descriptors.limit} files are open; {_RAISE}")

    def make_room(self, newcomer: Connection) -> bool:
        """Close the connection that needs its descriptor least; return whether there was one.

        The newcomer itself is none: it gets its turn to send a request.
        """
        victim = next((one for held in (self.silent, self.idle) for one in held if one is not newcomer), None)
        if victim is None:
            victim = self._stalled()
        if victim is None:
            self.log.warn(f"short of open files: connections get nothing but /health; {_RAISE}")
            return False
        self.forget(victim)
        victim.give_way()
        self.log.warn(f"short of open files: closed a connection that sent nothing for another one; {_RAISE}")
        return True

    def _all(self) -> list[Connection]:
        return cast("list[Connection]", list(self.connections))

    def _stalled(self) -> Connection | None:
        """Return the connection whose body stands still longest."""
        now = time.monotonic()
        waiting = max(self._all(), key=lambda one: one.stalled(now))
        return waiting if waiting.stalled(now) > self.bounds.stalled_s else None


_RAISE = "raise the limit (ulimit -n) if these are your clients"


def check_descriptors(scope: Scope) -> None:
    """Raise NoDescriptors for a request whose connection is one of those kept free for probes."""
    if scope.get("state", {}).get(SHORT):
        raise NoDescriptors("too many connections are open just now; try again")
