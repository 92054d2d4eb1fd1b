"""Analyses the rows of an earlier version again, some at a time, while everything else goes on.

A row says which version analysed it, so an interrupted pass goes on where it was, rows that a process of the earlier
version writes meanwhile are found, and there is nothing else to remember. Triggers log each changed row, so counts of
terms and indexes follow. Until a row has its turn, questions find it by the terms it has (`Question.earlier`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from app.counted import counted
from app.memory.analysis import ANALYSIS_VERSION, analyse
from app.store.database import Database
from app.store.rows import as_json

logger = logging.getLogger(__name__)

_AT_ONCE = 50  # rows in a transaction: few enough for an index to follow between two searches
_LONG_S = 1.0  # then other jobs get their turn
_REST = 1.0  # times as long as the work took, for those who wait for an answer

# The newest first. The index memories_earlier_analysis has this condition: without earlier rows, it costs nothing.
_EARLIER = f"select id from memories where analysis < {ANALYSIS_VERSION} order by id desc limit $1"
# Locked in one order, as everywhere; a row that someone is changing has another turn.
_LOCKED = "select id, text from memories where id = any($1::uuid[]) order by id for update skip locked"
_STORE = f"""
update memories m set terms = new.terms, words = new.words, asks = new.asks, tells_time = new.tells_time,
       tells_number = new.tells_number, first_person = new.first_person,
       analysis = {ANALYSIS_VERSION}
from json_to_recordset($1::json) as new (id uuid, terms integer[], words integer, asks boolean, tells_time boolean,
                                         tells_number boolean, first_person smallint)
where m.id = new.id
"""


class Reanalysis:
    """The pass over rows of earlier versions; one process runs it at a time."""

    def __init__(self, db: Database, *, at_once: int = _AT_ONCE, long_s: float = _LONG_S, rest: float = _REST) -> None:
        """at_once: rows in a transaction. long_s: seconds until `run` returns. rest: the share of time left to others.

        A rest of 1.0 is as long as the work.
        """
        self._db = db
        self._at_once, self._long_s, self._rest = at_once, long_s, rest
        self._began: float | None = None
        self._rows = 0

    async def run(self) -> bool:
        """Analyse for some time; return whether there is more to do."""
        ends = time.monotonic() + self._long_s
        while True:
            began = time.monotonic()
            rows = await self._some()
            now = time.monotonic()
            if rows == 0:
                self._finish(now)
                return False
            if self._began is None:
                self._began = began
                logger.info("analysing memories of an earlier version again, in the background")
            self._rows += rows
            if now >= ends:
                return True
            await asyncio.sleep((now - began) * self._rest)

    def _finish(self, now: float) -> None:
        if self._began is not None:
            logger.info("analysed %s again in %.0f s", counted(self._rows, "row"), now - self._began)
            self._began, self._rows = None, 0

    async def _some(self) -> int:
        """Analyse some rows in one transaction; return how many, 0 if there were none that no one is changing."""
        async with self._db.as_service() as connection, connection.transaction():
            ids = [row["id"] for row in await connection.fetch(_EARLIER, self._at_once)]
            rows = await connection.fetch(_LOCKED, ids) if ids else []
            if rows:
                analysed = await asyncio.to_thread(_analysed, rows)
                await connection.execute(_STORE, analysed)
        return len(rows)


def _analysed(rows: list[Any]) -> str:
    """Return the rows as `_STORE` takes them; runs in a thread, as texts can be long."""
    return as_json(_columns(str(row["id"]), row["text"]) for row in rows)


def _columns(id_: str, text: str) -> dict[str, Any]:
    analysis = analyse(text)
    return {
        "id": id_,
        "terms": analysis.terms,
        "words": analysis.words,
        "asks": analysis.asks,
        "tells_time": analysis.tells_time,
        "tells_number": analysis.tells_number,
        "first_person": analysis.first_person,
    }
