"""Limits the requests a minute of each user.

The algorithm is GCRA. It stores one moment per user: when all requests so far would be paid for, at one request every
60/limit seconds. A user may be a whole minute ahead of that moment, so a burst of `limit` passes at once.

With a database server that moment is in a table, so the limit is the same for any number of replicas. Calls do not
wait for a database that does not answer, because they may not need it: each replica counts alone until it answers.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from app.errors import StoreUnavailable

PERIOD_S = 60.0
USERS_LIMIT = 10_000  # about 2 MB; idle users are dropped first, then those seen longest ago
_SWEEP_EVERY = 1_000  # requests between two searches for idle users
SHARED_ANSWER_S = 0.5  # a count takes a millisecond; a longer wait costs the call more than the limit is worth
ALONE_S = 1.0  # how long a replica counts alone before it asks the table again


class RateLimit(Protocol):
    """Counts requests of users; several replicas may share one."""

    async def take(self, user: str) -> float:
        """Count a request and return 0, or count nothing and return the seconds to wait."""


class NoRateLimit:
    """Accepts every request."""

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
        # Slightly more than the period: rounding would otherwise refuse the last request of a burst.
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


class SharedCounts(Protocol):
    """Counts for all replicas: app.store.rate_limits."""

    async def take(self, caller: str, interval_s: float, period_s: float) -> float:
        """Count a request and return 0, or return the seconds to wait. Raises StoreUnavailable."""


class SharedRateLimit:
    """Counts together with the other replicas; alone while the shared table does not answer."""

    def __init__(
        self,
        per_minute: int,
        shared: Callable[[], SharedCounts | None],
        now: Callable[[], float] = time.monotonic,
        answer_s: float = SHARED_ANSWER_S,
    ) -> None:
        """shared: returns the table, or None before it is open. answer_s: how long a call waits for it."""
        self._interval_s = PERIOD_S / per_minute
        self._shared, self._now, self._answer_s = shared, now, answer_s
        self._alone = LocalRateLimit(per_minute, now)
        self._alone_until = 0.0
        self._refused_until: dict[str, float] = {}

    async def take(self, user: str) -> float:
        """Count a request and return 0, or count nothing and return the seconds to wait."""
        now = self._now()
        # A wait, once announced, never gets shorter, so a flood of requests costs the database nothing.
        if (until := self._refused_until.get(user, 0.0)) > now:
            return until - now
        shared = self._shared()
        if shared is None or now < self._alone_until:
            return await self._alone.take(user)
        try:
            async with asyncio.timeout(self._answer_s):
                wait_s = await shared.take(user, self._interval_s, PERIOD_S)
        except (StoreUnavailable, TimeoutError):
            self._alone_until = now + ALONE_S
            return await self._alone.take(user)
        if wait_s:
            self._note_refusal(user, now, wait_s)
        return wait_s

    def _note_refusal(self, user: str, now: float, wait_s: float) -> None:
        if len(self._refused_until) >= USERS_LIMIT:
            self._refused_until = {name: until for name, until in self._refused_until.items() if until > now}
        if len(self._refused_until) < USERS_LIMIT:
            self._refused_until[user] = now + wait_s


def rate_limit(per_minute: int, shared: Callable[[], SharedCounts | None] | None = None) -> RateLimit:
    """Return the limit for a setting; 0 means no limit. shared: the table, where several replicas count together."""
    if not per_minute:
        return NoRateLimit()
    return LocalRateLimit(per_minute) if shared is None else SharedRateLimit(per_minute, shared)
