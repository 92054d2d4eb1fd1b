"""Lends a scratch database beside the real one, and drops it afterwards, even if its creator was killed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.errors import NotPermitted
from app.store.connecting import connect
from app.store.database import Database
from app.store.unreachable import NOT_CONNECTED, UNREACHABLE, connect_problem, unavailable

_PREFIX = "claude_memory_scratch_"
_CONNECT_TIMEOUT_S = 10.0

# Held by the creator as long as it lives, in the database it creates the scratch database from.
_LOCK = "select pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK = "select pg_advisory_unlock(hashtextextended($1, 0))"
_UNCONNECTED = f"""
select datname from pg_database where datname like '{_PREFIX}%'
and not exists (select from pg_stat_activity where pg_stat_activity.datname = pg_database.datname)
"""


@asynccontextmanager
async def scratch_database(admin: Mapping[str, Any], beside: Database) -> AsyncIterator[Database]:
    """Create an empty database, owned by the role of another one; drop it afterwards.

    admin: arguments of asyncpg.connect for a role that may create it. The yielded Database is not open yet.
    Raises NotPermitted and StoreUnavailable.
    """
    async with beside.session() as connection:
        owner = await connection.fetchval("select quote_ident(current_user)")
    name = f"{_PREFIX}{secrets.token_hex(6)}"
    async with _connected(admin) as connection:
        await connection.execute(_LOCK, name)
        try:
            await _left_over(connection, drop=True)
            await connection.execute(f"create database {name} template template0 owner {owner}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotPermitted(
                f"PostgreSQL refused to create a database to verify in: {error}; set ADMIN_DATABASE_URL to a role"
                " that may, or give this role the right: alter role … createdb"
            ) from error
        scratch = Database({**beside.connect_arguments, "database": name})
        try:
            yield scratch
        finally:
            await scratch.close()
            await connection.execute(f"drop database {name} with (force)")


@asynccontextmanager
async def _connected(admin: Mapping[str, Any]) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await connect(**{"timeout": _CONNECT_TIMEOUT_S, **admin})
    except NOT_CONNECTED as error:
        raise connect_problem(error) from error
    try:
        yield connection
    except UNREACHABLE as error:
        raise unavailable(error) from error
    finally:
        connection.terminate()


async def left_over(admin: Mapping[str, Any], *, drop: bool) -> int:
    """Count the scratch databases whose creators were killed, and drop them if `drop`. Raises StoreUnavailable."""
    async with _connected(admin) as connection:
        return await _left_over(connection, drop=drop)


async def _left_over(connection: asyncpg.Connection, *, drop: bool) -> int:
    count = 0
    for row in await connection.fetch(_UNCONNECTED):
        if await connection.fetchval(_LOCK, row["datname"]):
            count += 1
            if drop:
                await connection.execute(f"drop database if exists {row['datname']}")
            await connection.execute(_UNLOCK, row["datname"])
    return count
