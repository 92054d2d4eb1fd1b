"""Limits how much of the machine a backup uses: writers on the same two cores should hardly notice it."""

from __future__ import annotations

import asyncio
import time

# Shares of the time. `./dev bench backup` measures the effect on writers: their latency may rise 1.3-fold at most.
BACKUP = 1 / 3
VERIFY = 1 / 4  # it writes as well
ALONE = 1.0


class Pace:
    """Splits work into short pieces with a rest after each, so that it takes only a share of the time."""

    def __init__(self, share: float) -> None:
        self._rest_for_work = 1 / share - 1
        self._began = time.monotonic()

    async def rest(self) -> None:
        """Rest in proportion to the time since the last rest."""
        await asyncio.sleep((time.monotonic() - self._began) * self._rest_for_work)
        self._began = time.monotonic()
