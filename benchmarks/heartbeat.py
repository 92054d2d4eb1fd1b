"""Our server with a heartbeat in its event loop: `python -m benchmarks.heartbeat BEAT_PORT serve [ARGS]`.

A task wakes every two milliseconds and keeps the longest time between two beats. Only what this process worked counts:
the smaller of the time and the process's CPU time, so that other work of the machine is no stall. Each connection to
BEAT_PORT gets the figures since the one before as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from app.process import boot
from app.process.begun import Boot

EVERY_S = 0.002


class Heartbeat:
    """The longest stall since it was last read."""

    def __init__(self) -> None:
        self._longest_s = 0.0

    async def beat(self) -> None:
        """Beat for ever."""
        at, used = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(EVERY_S)
            now, used_now = time.perf_counter(), time.process_time()
            self._longest_s = max(self._longest_s, min(now - at, used_now - used) - EVERY_S)
            at, used = now, used_now

    async def tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        figures = {"stall_s": self._longest_s, "cpu_s": time.process_time()}
        self._longest_s = 0.0
        writer.write(json.dumps(figures).encode() + b"\n")
        writer.close()


def main(arguments: list[str]) -> int:
    """Serve, with the heartbeat on the port that is the first argument."""
    port, flags = int(arguments[0]), boot.read_flags(arguments[2:])
    assert flags is not None and arguments[1] == "serve"
    kept: list[Any] = []

    def run(started: Boot) -> int:
        from app.runtime.runtime import Runtime
        from app.serve import server

        def with_heartbeat(*given: Any, **named: Any) -> Runtime:
            heart = Heartbeat()
            kept.append(asyncio.create_task(heart.beat()))
            kept.append(asyncio.create_task(asyncio.start_server(heart.tell, "127.0.0.1", port)))
            return Runtime(*given, **named)

        return server.run(started, make_runtime=with_heartbeat)

    return boot.serve(flags, run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
