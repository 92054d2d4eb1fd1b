"""A Qdrant server for tests: the one QDRANT_TEST_URL names, else the stand-in; and what runs against it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
from qdrant_client import AsyncQdrantClient

from app.index.collections import IndexCollection
from app.index.qdrant.feeder import FeederTimes, QdrantFeeder
from app.index.qdrant.search import QdrantIndex, SearchLimits
from app.index.qdrant.server import QdrantServer
from app.runtime.composition import index_source
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.heartbeat import AlwaysHeld, Lock
from tests.standins.qdrant import Server
from tests.support.serving import clean_environment
from tests.support.waiting import until

QUICK = FeederTimes(look_s=0.01, retry_s=0.01, tidy_s=0.05, grace_s=1.0)
QUICK_SEARCH = SearchLimits(watch_trouble_s=0.02)
TEST_URL = os.environ.get("QDRANT_TEST_URL")
COPIES = int(os.environ.get("QDRANT_TEST_COPIES", "1"))  # of each shard: 2 on a cluster whose nodes may die


@contextmanager
def qdrant(folder: Path, **more: Any) -> Iterator[str]:
    """Run the stand-in and yield its address; yield the real server's where there is one, and it is such a one."""
    if TEST_URL and (not more or (more == {"cluster": True} and _is_cluster(TEST_URL))):
        yield TEST_URL
        return
    server = Server(folder, **more)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        server.node.close()
        thread.join()


def _is_cluster(url: str) -> bool:
    answer = httpx.get(f"{url}/cluster").raise_for_status().json()
    return bool(answer["result"]["status"] == "enabled")


@contextmanager
def qdrant_process(folder: Path) -> Iterator[str]:
    """Run the stand-in as a process of its own, for tests with much going on in theirs; or yield the real server's."""
    if TEST_URL:
        yield TEST_URL
        return
    command = [sys.executable, "-m", "tests.standins.qdrant", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


async def delete_all(url: str, prefix: str) -> None:
    """Delete the collections whose names begin so."""
    client = AsyncQdrantClient(url=url, timeout=60, check_compatibility=False)
    try:
        for one in (await client.get_collections()).collections:
            if one.name.startswith(prefix):
                await client.delete_collection(one.name)
    finally:
        await client.close()


@asynccontextmanager
async def feeding(
    db: Database, settings: Settings, model: str | None = None, lock: Lock | None = None
) -> AsyncIterator[QdrantFeeder]:
    """Run a feeder; model: whose vectors it feeds too; lock: what it takes for its own."""
    source = index_source(PostgresChangeLog(db, model), db)
    held = lock or AlwaysHeld()
    feeder = QdrantFeeder(source, settings, lambda: held.confirmed(), times=QUICK)
    task = asyncio.create_task(feeder.run())
    try:
        yield feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feeder.close()


async def fed(feeder: QdrantFeeder) -> None:
    """Wait until a collection is live and fed."""
    await until(lambda: feeder.problem is None, "the collection is fed")


async def live_collection(db: Database) -> IndexCollection:
    """Return the live collection, which must be there."""
    live = await PostgresCollections(db).live()
    assert live is not None
    return live


async def level(db: Database) -> bool:
    """Whether the live collection lacks nothing: a search finds nothing to make up for."""
    return await PostgresCollections(db).lag(10) == (0, 0.0)


def remote_index(
    db: Database, settings: Settings, model: str | None = None, *, limits: SearchLimits = QUICK_SEARCH
) -> QdrantIndex:
    """Return the index as a replica has it; not started."""
    server = QdrantServer.of(settings)
    return QdrantIndex(PostgresChangeLog(db, model), PostgresCollections(db), server, limits=limits)


@asynccontextmanager
async def answering(
    db: Database, settings: Settings, model: str | None = None, *, limits: SearchLimits = QUICK_SEARCH
) -> AsyncIterator[QdrantIndex]:
    """Run the index as a replica has it."""
    index = remote_index(db, settings, model, limits=limits)
    await index.start()
    try:
        yield index
    finally:
        await index.stop()


class Line:
    """Carries connections to a server; can be cut, or hold everything back."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._far_port = host, port
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0

    async def start(self) -> None:
        """Take connections, on the same port as before."""
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse connections and end those there are, as a stopped server does."""
        assert self._listener is not None
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Carry nothing for now."""
        self._open.clear()

    def thaw(self) -> None:
        """Carry on."""
        self._open.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._far_port)
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
