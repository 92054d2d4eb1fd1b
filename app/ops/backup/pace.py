"""Leaves the machine to others: writers on the same two cores should hardly feel a backup."""

from __future__ import annotations

import asyncio
import time

BESIDE_SERVERS = 0.25  # measured on two cores: at a half, writes take more than 1.3 × as long
ALONE = 1.0


class Pace:
    """Work in short pieces with a rest after each, so that a share of the time is worked."""

    def __init__(self, share: float) -> None:
        self._rest_for_work = 1 / share - 1
        self._began = time.monotonic()

    async def rest(self) -> None:
        """Rest in proportion to the time since the last rest."""
        await asyncio.sleep((time.monotonic() - self._began) * self._rest_for_work)
        self._began = time.monotonic()
