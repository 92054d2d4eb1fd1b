"""Does a piece of work again and again, killed one step later each time.

`python -m tests.support.killed restore URL FILE` or `… migrate URL`, of a database that nobody else uses.
A step is a statement, or a piece of a backup. Each try is a process of its own that ends by SIGKILL before its n-th
step; after it a line of JSON on stdout tells what state the database is in. The last try is not killed.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg

from app.ops.backup.archive_reader import ArchiveReader
from app.ops.backup.restoring import restore
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.database import Database
from tests.support.postgres_server import fingerprint
from tests.support.waiting import until

_STATEMENTS = ("execute", "fetch", "fetchval", "fetchrow", "copy_to_table")
_OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


def main(work: str, url: str, file: str = "") -> None:
    """Try until it is not killed any more."""
    tries: dict[str, Callable[[], Awaitable[Any]]] = {
        "restore": lambda: _restore(url, file),
        "migrate": lambda: _migrate(url),
    }
    step = 0
    while True:
        step += 1
        status = _in_child(step, tries[work])
        print(json.dumps({"step": step, "killed": os.WIFSIGNALED(status), **asyncio.run(_state(url))}), flush=True)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        if work == "migrate":
            asyncio.run(_finish_and_empty(url))


async def _restore(url: str, file: str) -> None:
    with Bar("restoring") as bar:
        await restore(Settings(_env_file=None), Database({"dsn": url}), file, replace=True, bar=bar)


async def _migrate(url: str) -> None:
    db = Database({"dsn": url})
    await db.open()
    await db.close()


def _in_child(last: int, work: Callable[[], Awaitable[Any]]) -> int:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        _die_at(last)
        asyncio.run(work())  # type: ignore[arg-type]
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _die_at(last: int) -> None:
    """Have this process killed before its step number `last`."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(method)
        async def call(*args: Any, **kwargs: Any) -> Any:
            step()
            return await method(*args, **kwargs)

        return call

    for name in _STATEMENTS:
        setattr(asyncpg.Connection, name, stepping(getattr(asyncpg.Connection, name)))
    rows = ArchiveReader.rows

    async def stepping_rows(self: ArchiveReader, table: Any) -> AsyncIterator[bytes]:
        async for piece in rows(self, table):
            yield piece
            step()

    ArchiveReader.rows = stepping_rows  # type: ignore[method-assign]


async def _state(url: str) -> dict[str, Any]:
    """Return what is in the database once the server has noticed that the child is gone."""
    connection = await asyncpg.connect(url)

    async def alone() -> bool:
        return not await connection.fetchval(_OTHERS)

    try:
        await until(alone, "the child's connections are gone", 10)
        schemas = await connection.fetch("select nspname from pg_namespace where nspname like 'restore%'")
        state: dict[str, Any] = {"left": [row[0] for row in schemas], "schema": await fingerprint(connection)}
        if await connection.fetchval("select to_regclass('memories') is not null"):
            texts = "\n".join(row[0] for row in await connection.fetch("select text from memories order by text"))
            state["content"] = hashlib.sha256(texts.encode()).hexdigest()
            state["database_id"] = str(await connection.fetchval("select database_id from instance"))
        return state
    finally:
        await connection.close()


async def _finish_and_empty(url: str) -> None:
    """Do what the next start does; it must bring the whole schema. Then make room for the next try."""
    await _migrate(url)
    connection = await asyncpg.connect(url)
    try:
        print(json.dumps({"finished": await fingerprint(connection)}), flush=True)
        await connection.execute(
            "drop schema public cascade; create schema public; grant usage on schema public to public"
        )
    finally:
        await connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
