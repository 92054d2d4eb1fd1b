"""Asks memU from time to time whether it answers and takes the key, so that health does not wait for a call to fail."""

from __future__ import annotations

import asyncio
import logging

from app.errors import MemoryServerError, MemuKeyRefused
from app.memu.service import MemuService

logger = logging.getLogger(__name__)

EVERY_S = 60.0
WITHIN_S = 10.0


class MemuWatch:
    """Makes a harmless round trip as often as `every_s`. problem: why the last one failed; None when it did not."""

    def __init__(
        self, service: MemuService, user: str, agent: str, *, every_s: float = EVERY_S, within_s: float = WITHIN_S
    ) -> None:
        """user, agent: whose memories the trip asks about. within_s: how long memU may take."""
        self.problem: str | None = None
        self.key_refused = False
        self._service, self._user, self._agent = service, user, agent
        self._every_s, self._within_s = every_s, within_s

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Make one round trip and note how it went."""
        problem, self.key_refused = None, False
        try:
            async with asyncio.timeout(self._within_s):
                await self._service.check(self._user, self._agent)
        except TimeoutError:
            problem = f"memU did not answer within {self._within_s:g} s"
        except MemoryServerError as error:
            problem, self.key_refused = str(error), isinstance(error, MemuKeyRefused)
        if problem is not None and self.problem is None:
            logger.warning("%s", problem)
        elif problem is None and self.problem is not None:
            logger.info("memU answers")
        self.problem = problem
