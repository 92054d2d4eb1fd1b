"""Owners of an embedded PostgreSQL, and what runs of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from app.store.embedded import EmbeddedPostgres, processes
from app.store.embedded.account import NOBODY, Account
from app.store.embedded.cluster import Cluster

ROOT = Path(__file__).parents[2]
# A program of its own: starts the server, says so, does what its first line of input says.
OWNER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from app.errors import MemoryServerError
from app.store.embedded import EmbeddedPostgres

async def write(rows):
    connection = await asyncpg.connect(**server.connect_args)
    await connection.execute("create table if not exists kept (n int)")
    for n in range(rows):
        await connection.execute("insert into kept values ($1)", n)
    print("wrote", rows, flush=True)
    await asyncio.sleep(3600)

server = EmbeddedPostgres(Path(sys.argv[1]))
try:
    server.start()
except MemoryServerError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("started", server.pid, flush=True)
order = sys.stdin.readline().split()
if order[:1] == ["write"]:
    asyncio.run(write(int(order[1])))
server.stop()
"""


def unprivileged() -> Account:
    """A user that can run a PostgreSQL server, and that has a name."""
    return Account.numbered(NOBODY) if os.geteuid() == 0 else Account.of(Path("none"))


def owner(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that wants to run the server of this data directory."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def query(server: EmbeddedPostgres, *statements: str) -> object:
    """Run statements on a connection of their own; return the last one's first value."""

    async def run() -> object:
        connection = await asyncpg.connect(**server.connect_args, timeout=10)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def living(data_dir: Path) -> list[int]:
    """The server's processes on this data directory, whoever started them."""
    cluster = Cluster.of(data_dir)
    return processes.of_cluster(cluster.mark, cluster.account) if cluster.path.exists() else []
