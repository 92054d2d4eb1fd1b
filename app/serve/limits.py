"""How many requests a minute one user may send.

GCRA: for each user only the moment is kept at which all requests so far would be paid for, at one request
every 60/limit seconds. A user may be a whole minute ahead of that, so a burst of `limit` passes at once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

PERIOD_S = 60.0
USERS_LIMIT = 10_000  # about 2 MB; idle users are dropped first, then the one seen longest ago
_SWEEP_EVERY = 1_000  # requests between two looks for idle users


class RateLimit(Protocol):
    """Counts requests of users; several replicas may share one."""

    async def take(self, user: str) -> float:
        """Count a request and return 0, or count nothing and return the seconds to wait."""


class NoRateLimit:
    """Takes every request."""

    async def take(self, user: str) -> float:
        """Return 0."""
        return 0.0


class LocalRateLimit:
    """Counts in this process."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = PERIOD_S / per_minute
        self._now = now
        self._paid_at: OrderedDict[str, float] = OrderedDict()
        self._until_sweep = _SWEEP_EVERY

    def __len__(self) -> int:
        return len(self._paid_at)

    async def take(self, user: str) -> float:
        """Count a request and return 0, or count nothing and return the seconds to wait."""
        now = self._now()
        paid_at = max(self._paid_at.get(user, now), now)
        ahead_s = paid_at + self._interval_s - now
        # a hair more than the period, or rounding would refuse the last request of a burst
        if ahead_s > PERIOD_S * (1 + 1e-9):
            return ahead_s - PERIOD_S
        self._paid_at[user] = paid_at + self._interval_s
        self._paid_at.move_to_end(user)
        self._until_sweep -= 1
        if self._until_sweep <= 0 or len(self._paid_at) > USERS_LIMIT:
            self._sweep(now)
        return 0.0

    def _sweep(self, now: float) -> None:
        self._until_sweep = _SWEEP_EVERY
        for user in [user for user, paid_at in self._paid_at.items() if paid_at <= now]:
            del self._paid_at[user]
        while len(self._paid_at) > USERS_LIMIT:
            self._paid_at.popitem(last=False)


def rate_limit(per_minute: int) -> RateLimit:
    """Return the limit for a setting; 0 is none."""
    return LocalRateLimit(per_minute) if per_minute else NoRateLimit()
