"""Says how long to wait before a retry: one policy for services, Qdrant and the database.

Our own few lines, not stamina or tenacity: those repeat one call, while most users of this are endless loops that
count failures from one message or pass to the next and log when they recover. Importing either would add 20 ms to a
start.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_ASKED_S = 3_600.0  # limit on the wait that a service may ask for
_MOST_DOUBLINGS = 60  # an unlimited power of two would overflow a float in the end
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double with each failure in a row: at most first_s after one, at most longest_s after many.

    Each is shortened by up to half at random, so that processes that failed together do not retry together.
    sleep, chance: waits, and returns a random number between 0 and 1; tests replace them.
    """

    first_s: float
    longest_s: float
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def wait_s(self, failures: int, asked_s: float = 0.0) -> float:
        """Return how long to wait after this many failures in a row (1 or more): at least asked_s."""
        longest_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return max(asked_s, longest_s * (1.0 - self.chance() / 2))

    async def wait(self, failures: int, asked_s: float = 0.0) -> None:
        """Wait for wait_s."""
        await self.sleep(self.wait_s(failures, asked_s))


def asked_wait_s(retry_after: str, now: datetime | None = None) -> float:
    """Return the seconds that a Retry-After header asks to wait, at most LONGEST_ASKED_S; 0 when it asks for none.

    retry_after: seconds, or a date (RFC 9110, 10.2.3). now: None means the current time.
    """
    if _SECONDS.fullmatch(retry_after):
        return min(LONGEST_ASKED_S, float(retry_after))
    from email.utils import parsedate_to_datetime  # slow to import, and a date is rare

    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError, OverflowError):  # OverflowError: more digits than a year or an hour can have
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(LONGEST_ASKED_S, max(0.0, (at - (now or datetime.now(UTC))).total_seconds()))
