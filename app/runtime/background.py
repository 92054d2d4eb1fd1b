"""Runs background work, which any process of a deployment may do, but only one process at a time per kind."""

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

RESTART_S = 5.0
Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


def background_work(opened: Opened) -> list[Work]:
    """Return the work to run for ever, each under its own lock but a look at memU; an unexpected error ends it."""
    kinds = [(HOUSEKEEPING_LOCK, opened.housekeeping.run)]
    if opened.feeding is not None:
        kinds.append((FEEDER_LOCK, opened.feeding.feeder.run))
    if opened.embedding is not None:
        kinds.append((EMBEDDING_LOCK, opened.embedding.pending.run))
    works: list[Work] = [partial(while_leading, opened.db.lock(key), work) for key, work in kinds]
    if opened.memu is not None:
        works += [partial(while_leading, opened.memu.lock, opened.memu.sender.run), opened.memu.watch.run]
    return works


async def kept_up(work: Work, restart_s: float = RESTART_S) -> None:
    """Run work for ever and restart it after an unexpected error: for a process that also answers calls.

    restart_s: how long to wait before that.
    """
    while True:
        try:
            await work()
        except Exception:  # nothing else would restart it
            logger.exception("background work failed; it begins again in %g s", restart_s)
        await asyncio.sleep(restart_s)
