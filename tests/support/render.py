"""A stand-in of Render's API that serves, and time that passes only when it is slept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.render.api.clock import Clock
from tests.standins.render.server import Server


@dataclass
class FakeTime:
    """Time that passes only when it is slept. Client and stand-in go by it."""

    now_s: float = 1_800_000_015.0  # 15 seconds into a minute
    slept_s: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds

    @property
    def clock(self) -> Clock:
        """The same for the client."""
        return Clock(now=self.now, sleep=self.sleep)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
