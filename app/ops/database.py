"""The database for a command that runs beside the server, or without one.

With the embedded PostgreSQL the command joins the running server over its socket, or starts it for as long as it
takes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.database import Database

_START_PATIENCE_S = 30.0  # a server that holds the folder may be starting, or mending its PostgreSQL
_PAUSE_S = 0.2


@asynccontextmanager
async def open_database(settings: Settings, what: str) -> AsyncIterator[Database]:
    """Open the database of these settings; `what` names us to whoever finds the data directory taken meanwhile."""
    async with _server(settings, what) as (connect, patience_s):
        db = Database(connect)
        try:
            await _open(db, patience_s)
            yield db
        finally:
            await db.close()


async def _open(db: Database, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            await db.open()
            return
        except StoreUnavailable:
            await db.close()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_S)


@asynccontextmanager
async def _server(settings: Settings, what: str) -> AsyncIterator[tuple[dict[str, Any], float]]:
    if settings.database_url is not None:
        yield {"dsn": settings.database_url.get_secret_value()}, 0.0
        return
    from app.local.lock import DataDirectoryLock, holder
    from app.store.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.data_dir)
    if holder(settings.data_dir) is not None:
        yield dict(postgres.connect_args), _START_PATIENCE_S
        return
    lock = DataDirectoryLock(settings.data_dir)
    lock.acquire(what)
    try:
        await asyncio.to_thread(postgres.start)
        yield dict(postgres.connect_args), 0.0
    finally:
        await asyncio.to_thread(postgres.stop)
        lock.release()
