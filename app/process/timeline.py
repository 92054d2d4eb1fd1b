"""Records when each step of a start was done. Standard library only: it is imported before the port is open."""

from __future__ import annotations

import os
import time

_IMPORTED = time.monotonic()


class Timeline:
    """When each step of the start was done, in milliseconds since the process started."""

    def __init__(self) -> None:
        self.began = _process_began()  # in time.monotonic()
        self.steps: dict[str, float] = {}

    def mark(self, step: str) -> float:
        """Record that a step is done now, and return its time."""
        self.steps[step] = round((time.monotonic() - self.began) * 1_000, 1)
        return self.steps[step]

    @property
    def uptime_s(self) -> float:
        """Seconds since the process started."""
        return time.monotonic() - self.began


def _process_began() -> float:
    """Return when the process started, in time.monotonic(); where the system does not say, when this was imported."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as file:  # noqa: PTH123
            ticks = int(file.read().rpartition(")")[2].split()[19])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _IMPORTED
    return time.monotonic() - age_s
