"""The work beside answering calls that any process of a deployment may do: each kind is done by one at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from app.runtime.leader import EMBEDDING_LOCK, FEEDER_LOCK, HOUSEKEEPING_LOCK, while_leading

if TYPE_CHECKING:
    from app.runtime.composition import Opened

logger = logging.getLogger(__name__)

AGAIN_S = 5.0
Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


def background_work(opened: Opened) -> list[Work]:
    """Return what to run for ever, each under its own lock; an unforeseen error ends it."""
    kinds = [(HOUSEKEEPING_LOCK, opened.housekeeping.run)]
    if opened.feeding is not None:
        kinds.append((FEEDER_LOCK, opened.feeding.feeder.run))
    if opened.embedding is not None:
        kinds.append((EMBEDDING_LOCK, opened.embedding.pending.run))
    return [partial(while_leading, opened.db.lock(key), work) for key, work in kinds]


async def kept_up(work: Work) -> None:
    """Run work for ever, again after an error nobody foresaw: for a process that has calls to answer meanwhile."""
    while True:
        try:
            await work()
        except Exception:  # the last line: nobody else would start it again
            logger.exception("background work failed; it begins again in %g s", AGAIN_S)
        await asyncio.sleep(AGAIN_S)
