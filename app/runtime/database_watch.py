"""Notices when the embedded database does not answer, and returns freed memory to the system meanwhile."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from app.errors import MemoryServerError
from app.process.memory_trim import give_memory_back

if TYPE_CHECKING:
    from app.store.postgres import PostgresStore

logger = logging.getLogger(__name__)

_LOOK_S, _LOOK_TROUBLE_S = 15.0, 1.0


class DatabaseWatch:
    """`problem` says in one line why the embedded database does not answer; None while it does.

    A database server has its heartbeat: that a busy pool keeps a question waiting is no outage.
    """

    def __init__(self, store: PostgresStore, *, embedded: bool) -> None:
        self._store, self._embedded = store, embedded
        self.problem: str | None = None

    async def run(self) -> None:
        """Look after the process, for ever."""
        while True:
            if self._embedded:
                await self._ask()
            give_memory_back()
            await asyncio.sleep(_LOOK_S if self.problem is None else _LOOK_TROUBLE_S)

    async def _ask(self) -> None:
        try:
            await self._store.ping()
            self.problem = None
        except MemoryServerError as error:
            if self.problem is None:
                logger.warning("%s", error)
            self.problem = str(error)
