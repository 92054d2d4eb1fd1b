"""Notices when the embedded database does not answer or its disk is full, and gives freed memory back regularly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.errors import MemoryServerError
from app.process.memory_trim import give_memory_back

if TYPE_CHECKING:
    from app.store.postgres import PostgresStore

logger = logging.getLogger(__name__)

_CHECK_EVERY_S, _CHECK_EVERY_IN_TROUBLE_S = 15.0, 1.0


class DatabaseWatch:
    """`problem` says in one line why the embedded database does not answer; None while it does.

    `disk_problem` says why nothing can be stored on its disk, though it answers; None while it can be.

    A database server is watched by its heartbeat instead: a query that waits for a busy pool is not an outage.
    """

    def __init__(
        self,
        store: PostgresStore,
        *,
        embedded: bool,
        shortage: Callable[[], str | None] | None = None,
        check_every_s: float = _CHECK_EVERY_S,
        check_every_in_trouble_s: float = _CHECK_EVERY_IN_TROUBLE_S,
    ) -> None:
        """shortage: returns the `disk_problem` as it is now.

        check_every_s: seconds between two checks; check_every_in_trouble_s: while the database does not answer.
        """
        self._store, self._embedded = store, embedded
        self._check_every_s, self._check_every_in_trouble_s = check_every_s, check_every_in_trouble_s
        self._shortage = shortage or (lambda: None)
        self.problem: str | None = None
        self.disk_problem: str | None = None

    async def run(self) -> None:
        """Check the database and give memory back, for ever."""
        while True:
            if self._embedded:
                await self._check()
            give_memory_back()
            in_trouble = self.problem is not None or self.disk_problem is not None
            await asyncio.sleep(self._check_every_in_trouble_s if in_trouble else self._check_every_s)

    async def _check(self) -> None:
        before, self.disk_problem = self.disk_problem, await asyncio.to_thread(self._shortage)
        if self.disk_problem is not None and before is None:
            logger.warning("nothing can be stored: %s", self.disk_problem)
        elif self.disk_problem is None and before is not None:
            logger.info("the disk has space again")
        try:
            await self._store.ping()
            self.problem = None
        except MemoryServerError as error:
            if self.problem is None:
                logger.warning("%s", error)
            self.problem = str(error)
