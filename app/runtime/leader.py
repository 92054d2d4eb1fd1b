"""Runs work in one process at a time of all that share a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.store.heartbeat import Lock

# Keys of PostgreSQL's advisory locks, made from letters; those of app.store are "clmem" and "clterm".
HOUSEKEEPING_LOCK = 0x636C686F757365  # "clhouse"
FEEDER_LOCK = 0x636C66656564  # "clfeed"
EMBEDDING_LOCK = 0x636C656D62  # "clemb"
OUTBOX_LOCK = 0x636C6F7574  # "clout"
WORKER_LOCK = 0x636C776F726B  # "clwork"


async def while_leading(lock: Lock, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do the work whenever we hold the lock, for ever; cancel it when the lock is lost. Raises what the work raises."""
    while True:
        await lock.until(held=True)
        working = asyncio.create_task(work())
        losing = asyncio.create_task(lock.until(held=False))
        try:
            await asyncio.wait((working, losing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, losing):
                task.cancel()
            await asyncio.wait((working, losing))  # a cancellation of our own that arrives here ends the loop
        if not working.cancelled():
            working.result()
