"""Opens the database for a command that runs beside the server, or without one.

With the embedded PostgreSQL the command connects to the running server's over its socket. If no server runs, the
command starts PostgreSQL itself and stops it at the end; another command waits until then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.datadir.lock import holder, in_use
from app.errors import Conflict, StoreUnavailable
from app.runtime.composition import database_of
from app.settings.fields import Settings
from app.store.address import connect_arguments

if TYPE_CHECKING:
    from app.datadir.lock import DataDirectoryLock
    from app.store.database import Database, Refusal

Answer = TypeVar("Answer")

_SERVERS = ("serve", "daemon")  # modes of the lock; any other mode is a command
_START_PATIENCE_S = 30.0  # a server that holds the folder may be starting, or recovering its PostgreSQL
_COMMAND_PATIENCE_S = 600.0  # another command, such as an import, can take long
_PAUSE_S = 0.1


@asynccontextmanager
async def open_database(settings: Settings, what: str, *, alone: bool = False) -> AsyncIterator[Database]:
    """Open the database of these settings; `what` names the command, for processes that find the directory locked.

    alone: raises Conflict when a server runs the embedded PostgreSQL, instead of connecting to it.
    """
    deadline = time.monotonic() + _START_PATIENCE_S
    while True:
        async with _server(settings, what) as (connect, ours, refusal):
            if alone and not ours:
                raise Conflict(_stop_first(settings.data_dir, what))
            db = database_of(settings, connect, refusal=refusal)
            try:
                await db.open()
            except StoreUnavailable:
                await db.close()
                if ours or time.monotonic() > deadline:
                    raise
            else:
                try:
                    yield db
                    return
                finally:
                    await db.close()
        await asyncio.sleep(_PAUSE_S)  # the server is starting, or has just stopped: try again


def ask_database(
    settings: Settings, what: str, question: Callable[[Database], Awaitable[Answer]], *, alone: bool = False
) -> Answer:
    """Ask the database one question and return the answer; see open_database."""

    async def ask() -> Answer:
        async with open_database(settings, what, alone=alone) as db:
            return await question(db)

    return asyncio.run(ask())


def _stop_first(data_dir: Path, what: str) -> str:
    """Return the message that a command cannot work beside the server."""
    held_by = holder(data_dir) or {}
    daemon = held_by.get("mode") == "daemon"
    kind = "a daemon" if daemon else "another server"
    again = " (close clients too, which would start another)" if daemon else ""
    pid = held_by.get("pid", "unknown")
    return f"{data_dir} is in use by {kind} (pid {pid}); {what} needs it alone, so stop it first{again}: kill {pid}"


def admin_arguments(settings: Settings, db: Database) -> dict[str, Any]:
    """Return how to connect as a role that may create databases: arguments of asyncpg.connect."""
    if settings.admin_database_url is not None:
        return connect_arguments(settings.admin_database_url.get_secret_value())
    if settings.database_url is not None:
        return db.connect_arguments
    return {**db.connect_arguments, "user": "postgres"}  # the embedded server's superuser


@asynccontextmanager
async def _server(settings: Settings, what: str) -> AsyncIterator[tuple[dict[str, Any], bool, Refusal | None]]:
    """Yield how to connect, whether a failure is final (True unless another process runs the server), and `refusal`."""
    if settings.database_url is not None:
        yield connect_arguments(settings.database_url.get_secret_value()), True, None
        return
    from app.store.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.data_dir)
    lock = await _lock(settings.data_dir, what)
    if lock is None:
        yield dict(postgres.connect_args), False, postgres.refusal
        return
    try:
        await asyncio.to_thread(postgres.start)
        yield dict(postgres.connect_args), True, postgres.refusal
    finally:
        await asyncio.to_thread(postgres.stop)
        lock.release()


async def _lock(data_dir: Path, what: str) -> DataDirectoryLock | None:
    """Lock the data directory, or return None when a server has it. Raises Conflict when a command keeps it."""
    from app.datadir.lock import DataDirectoryLock

    deadline = time.monotonic() + _COMMAND_PATIENCE_S
    while True:
        held_by = holder(data_dir)
        if held_by is None:
            lock = DataDirectoryLock(data_dir)
            try:
                lock.acquire("", what)
            except Conflict:  # another process was quicker
                held_by = {}
            else:
                return lock
        if held_by.get("mode") in _SERVERS:
            return None
        if time.monotonic() > deadline:
            raise Conflict(in_use(data_dir, held_by))
        await asyncio.sleep(_PAUSE_S)
