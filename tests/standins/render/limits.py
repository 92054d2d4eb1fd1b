"""The rate limits of the recorded answers: windows that begin at full minutes and hours."""

from __future__ import annotations

import re
from collections import Counter


class Limits:
    """Counts calls. `enforced` off: counted and told, never refused."""

    def __init__(self) -> None:
        self.enforced = True
        self.counted: Counter[tuple[str, int]] = Counter()  # by (limit, window)
        self.refused = 0

    def count(self, method: str, path: str, now_s: float) -> tuple[bool, dict[str, str]]:
        """Return whether a call is within its limit, and the headers that tell of it."""
        name, calls, period_s = limit_of(method, path)
        window = (name, int(now_s // period_s))
        within = self.counted[window] < calls or not self.enforced
        if within:
            self.counted[window] += 1
        else:
            self.refused += 1
        left = calls - self.counted[window] if self.enforced else calls
        reset = int((window[1] + 1) * period_s - now_s)
        told = {"Ratelimit-Limit": calls, "Ratelimit-Remaining": max(0, left), "Ratelimit-Reset": reset}
        return within, {name: str(value) for name, value in told.items()}


def limit_of(method: str, path: str) -> tuple[str, int, int]:
    """Return the limit a call counts against: its name, calls, seconds."""
    if method == "GET":
        return "get", 400, 60
    if method == "POST" and path in ("/services", "/postgres", "/key-value", "/redis"):
        return path, 20, 3600
    if method == "POST" and re.fullmatch("/services/[^/]+/custom-domains", path):
        return "domains", 50, 3600
    service = re.fullmatch("/services/([^/]+)(/deploys|/scale)?", path)
    if service and (method, bool(service[2])) in (("PATCH", False), ("POST", True)):
        return service[1], 10, 60
    return "write", 100, 60
