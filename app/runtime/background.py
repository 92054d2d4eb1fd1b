"""The work beside answering calls that any process of a deployment may do: each kind is done by one at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from app.runtime.leader import EMBEDDING_LOCK, FEEDER_LOCK, HOUSEKEEPING_LOCK, while_leading

if TYPE_CHECKING:
    from app.embedding.running import Embedding
    from app.index.qdrant.feeder import Feeder
    from app.runtime.housekeeping import Housekeeping
    from app.store.database import Database

logger = logging.getLogger(__name__)

AGAIN_S = 5.0
Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


def background_work(
    db: Database, housekeeping: Housekeeping, feeder: Feeder | None, embedding: Embedding | None
) -> list[Work]:
    """Return what to run for ever, each under its own lock; an error nobody foresaw ends it.

    feeder: None where each process has its own index. embedding: None where no model is set.
    """
    kinds = [(HOUSEKEEPING_LOCK, housekeeping.run)]
    if feeder is not None:
        kinds.append((FEEDER_LOCK, feeder.run))
    if embedding is not None:
        kinds.append((EMBEDDING_LOCK, embedding.pending.run))
    return [partial(while_leading, db.lock(key), work) for key, work in kinds]


async def kept_up(work: Work) -> None:
    """Run work for ever, again after an error nobody foresaw: for a process that has calls to answer meanwhile."""
    while True:
        try:
            await work()
        except Exception:  # the last line: nobody else would start it again
            logger.exception("background work failed; it begins again in %g s", AGAIN_S)
        await asyncio.sleep(AGAIN_S)
