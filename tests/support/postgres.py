"""One PostgreSQL for a whole test run, and databases made from a migrated template."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from app.store.database import Database
from app.store.embedded import EmbeddedPostgres

TEMPLATE = "template_migrated"
_MEMORY_FOLDER = Path("/dev/shm")
_ROOM_BYTES = 1 << 30

T = TypeVar("T")


def temporary_folder() -> Path:
    """Make a folder that any user can reach; in memory where there is room: a database is made in 10 ms, not 80."""
    in_memory = _MEMORY_FOLDER.is_dir() and shutil.disk_usage(_MEMORY_FOLDER).free > _ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="claude-memory-tests-", dir=_MEMORY_FOLDER if in_memory else None))
    folder.chmod(0o755)  # as root, PostgreSQL runs as another user
    return folder


class TestServer:
    """The embedded PostgreSQL, with one migrated template database."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self._names = count()

    def start(self) -> None:
        """Start the server and migrate the template."""
        self._server.start()
        in_own_loop(self._prepare)

    def stop(self) -> None:
        """Stop the server; idempotent."""
        self._server.stop()

    def arguments(self, database: str) -> dict[str, Any]:
        """Return how to connect to a database."""
        return {**self._server.connect_args, "database": database}

    async def superuser(self) -> asyncpg.Connection:
        """Connect as the one who may make databases, which the app's own role may not."""
        return await asyncpg.connect(**{**self._server.connect_args, "user": "postgres"})

    @asynccontextmanager
    async def empty(self, template: str = "template1") -> AsyncIterator[dict[str, Any]]:
        """Make a database and yield how to connect to it; drop it afterwards."""
        name, owner = f"test_{next(self._names)}", self._server.connect_args["user"]
        admin = await self.superuser()
        try:
            await admin.execute(f"create database {name} template {template} strategy file_copy owner {owner}")
            try:
                yield self.arguments(name)
            finally:
                await admin.execute(f"drop database {name} with (force)")
        finally:
            await admin.close()

    def migrated(self) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Make a database with our schema, and yield how to connect to it; drop it afterwards."""
        return self.empty(TEMPLATE)

    async def _prepare(self) -> None:
        admin = await self.superuser()
        try:
            await admin.execute(f"create database {TEMPLATE} owner {self._server.connect_args['user']}")
        finally:
            await admin.close()
        database = Database(self.arguments(TEMPLATE))
        await database.open()
        await database.close()


def in_own_loop(task: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine in a thread with a loop of its own, so that pytest-asyncio's is left alone."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        async def call() -> T:
            return await task()

        try:
            results.append(asyncio.run(call()))
        except BaseException as error:  # noqa: BLE001 - handed on below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
