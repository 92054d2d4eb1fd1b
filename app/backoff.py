"""How long to wait before something that failed is tried again: one policy for services, Qdrant and the database.

Our own few lines, not stamina or tenacity: those repeat one call, while most users here are loops that run for ever,
count failures from one message or pass to the next, and log when they go on; they would cost a start 20 ms.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_ASKED_S = 3_600.0  # of a wait that a service asks for
_MOST_DOUBLINGS = 60  # two to a higher power would one day be too large for a float
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double with each failure in a row: first_s at most after one, longest_s at most after many.

    Up to half of each is left off at random, so that processes that failed together do not come back together.
    sleep, chance: how waiting is done, and the random part between 0 and 1; for tests.
    """

    first_s: float
    longest_s: float
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def wait_s(self, failures: int, asked_s: float = 0.0) -> float:
        """Return how long to wait after so many failures in a row (1 or more): asked_s at least."""
        longest_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return max(asked_s, longest_s * (1.0 - self.chance() / 2))

    async def wait(self, failures: int, asked_s: float = 0.0) -> None:
        """Wait so long."""
        await self.sleep(self.wait_s(failures, asked_s))


def asked_wait_s(retry_after: str, now: datetime | None = None) -> float:
    """Return the wait that a Retry-After header asks for, at most LONGEST_ASKED_S; 0 when it asks for none.

    retry_after: seconds, or a date (RFC 9110, 10.2.3). now: None for the present.
    """
    if _SECONDS.fullmatch(retry_after):
        return min(LONGEST_ASKED_S, float(retry_after))
    from email.utils import parsedate_to_datetime  # a date is rare, and the package takes a while to load

    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(LONGEST_ASKED_S, max(0.0, (at - (now or datetime.now(UTC))).total_seconds()))
