"""Replaces all tables by those of a backup, in one transaction.

It creates and fills the new tables in a separate schema that no one else sees, while the old ones stay readable. Only
the last statements drop the old ones and move the new ones in. Whatever ends the transaction before its commit, even
kill -9 or a power failure, leaves the old tables unchanged, and PostgreSQL removes the rest.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from app.counted import counted
from app.errors import Conflict
from app.store.database import APPLICATION_NAME, Database
from app.store.migrations import LOCK_KEY, migrate
from app.store.snapshots import FATES, Fate, Table, copy_out
from app.store.terms import COUNT_ALL

PATIENCE_S = 3.0  # a server that just stopped may still be closing its connections
_PAUSE_S = 0.1
_LOCK_TIMEOUT = "30s"  # for the old tables, in case someone is reading them by hand

_CONNECTED = """
select count(*), string_agg(distinct coalesce(host(client_addr), 'a socket'), ', ') from pg_stat_activity
where datname = current_database() and application_name like $1 and pid <> pg_backend_pid()
"""
_TABLES = "select relname::text from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p')"
_SEQUENCES = """
select relname::text from pg_class c where relnamespace = $1::regnamespace and relkind = 'S'
and not exists (select from pg_depend where objid = c.oid and deptype in ('a', 'i')) -- dropped with their columns
"""
_FUNCTIONS = """
select quote_ident(proname) || '(' || pg_get_function_identity_arguments(oid) || ')' from pg_proc
where pronamespace = $1::regnamespace
"""
# A table's own sequences continue after the highest number loaded.
_NUMBERED = """
select attname::text, pg_get_serial_sequence(format('%I.%I', $1::text, $2::text), attname) as sequence
from pg_attribute
where attrelid = format('%I.%I', $1::text, $2::text)::regclass and attnum > 0 and not attisdropped
  and pg_get_serial_sequence(format('%I.%I', $1::text, $2::text), attname) is not null
"""
# Above every position that a follower can have now, so that a follower that missed the change rebuilds.
_PRUNED = "update log_positions set xid = ((pg_current_xact_id()::text::bigint + 1)::text)::xid8 where name = 'pruned'"


class Replacement:
    """The new tables, which unqualified names in SQL mean, because their schema is first on the search path."""

    def __init__(self, connection: asyncpg.Connection, target: str) -> None:
        self._connection = connection
        self._target = target  # the schema the tables will be in
        self._making = f"restore_{secrets.token_hex(4)}"

    async def make(self, schema: int) -> None:
        """Create empty tables as of schema file number `schema`."""
        await self._connection.execute(f"create schema {self._making}")
        await self._connection.execute(f"set local search_path = {self._making}, {self._target}")
        await migrate(self._connection, schema)
        for name in await self._copied():
            await self._connection.execute(f"alter table {name} disable trigger user")  # do not log or count the rows
            await self._connection.execute(f"delete from {name}")  # rows that the schema files inserted

    async def load(self, table: Table, rows: AsyncIterator[bytes]) -> None:
        """Fill a table. Raises Conflict when it does not accept the rows."""
        if FATES.get(table.name) is not Fate.COPIED:
            raise Conflict(f"there is no table {table.name[:60]!r} to restore; nothing was changed")
        try:
            await self._connection.copy_to_table(
                table.name, schema_name=self._making, columns=table.columns, source=rows
            )
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError) as error:
            # PostgreSQL's message may contain the text of a memory
            raise Conflict(f"table {table.name} does not accept the rows: {type(error).__name__}") from error

    async def finish(self) -> UUID:
        """Migrate, compute the derived tables and replace the old tables; return the new database's id."""
        connection = self._connection
        for name in await self._copied():
            await connection.execute(f"alter table {name} enable trigger user")
            await self._continue_numbers(name)
        await migrate(connection)
        for count in COUNT_ALL:
            await connection.execute(count)
        await connection.execute(_PRUNED)
        if await self._old_has("backups"):
            known = f"{self._target}.backups"
            await connection.execute(f"delete from backups where place in (select place from {known})")
            await connection.execute(f"insert into backups select * from {known}")
        await self._move()
        await connection.execute(f"analyze {', '.join(await self._copied())}")
        return UUID(str(await connection.fetchval("select database_id from instance")))

    async def _copied(self) -> list[str]:
        existing = {row[0] for row in await self._connection.fetch(_TABLES, self._making)}
        return [name for name, fate in FATES.items() if fate is Fate.COPIED and name in existing]

    async def _continue_numbers(self, name: str) -> None:
        for row in await self._connection.fetch(_NUMBERED, self._making, name):
            await self._connection.execute(
                f"select setval('{row['sequence']}', max({row['attname']})) from {name} having count(*) > 0"
            )

    async def _old_has(self, name: str) -> bool:
        return bool(await self._connection.fetchval("select to_regclass($1) is not null", f"{self._target}.{name}"))

    async def _move(self) -> None:
        """Drop the old tables, sequences and functions, and move the new ones to their schema."""
        connection, target, making = self._connection, self._target, self._making
        tables, sequences, functions = [
            [row[0] for row in await connection.fetch(query, making)] for query in (_TABLES, _SEQUENCES, _FUNCTIONS)
        ]
        await connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        try:
            await connection.execute(f"drop table if exists {', '.join(f'{target}.{name}' for name in tables)}")
        except (asyncpg.LockNotAvailableError, asyncpg.DependentObjectsStillExistError) as error:
            raise Conflict(
                f"the old tables cannot be dropped: {error}; end what uses them and restore again"
            ) from error
        for kind, names in (("sequence", sequences), ("function", functions)):
            for name in names:
                await connection.execute(f"drop {kind} if exists {target}.{name}")
        for kind, names in (("table", tables), ("sequence", sequences), ("function", functions)):
            for name in names:
                await connection.execute(f"alter {kind} {making}.{name} set schema {target}")
        await connection.execute(f"drop schema {making}")
        await connection.execute(f"set local search_path = {target}")
        self._making = target


@asynccontextmanager
async def replacement(
    db: Database, schema: int, *, replace: bool, patience_s: float = PATIENCE_S
) -> AsyncIterator[Replacement]:
    """Replace all tables: commit at the end of the block, roll back on any error.

    schema: number of the schema file that the rows match. Servers that start meanwhile wait.
    patience_s: how long to wait until no server is connected.
    Raises Conflict while one is connected and, without `replace`, when the database is not empty.
    """
    async with db.session() as connection:
        await _take_lock(connection, patience_s)
        await _wait_alone(connection, patience_s)
        target = await connection.fetchval("select quote_ident(current_schema())")
        if not replace:
            await _refuse_content(connection)
        async with connection.transaction():
            new_tables = Replacement(connection, target)
            await new_tables.make(schema)
            yield new_tables


async def rows_of(db: Database, table: Table) -> AsyncIterator[bytes]:
    """Yield the rows of a table in COPY's text format."""
    async with db.session() as connection:
        async for piece in copy_out(connection, table):
            yield piece


async def _take_lock(connection: asyncpg.Connection, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
        if time.monotonic() > deadline:
            raise Conflict("another process is restoring or migrating this database; wait until it is done")
        await asyncio.sleep(_PAUSE_S)


async def _wait_alone(connection: asyncpg.Connection, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        number, addresses = await connection.fetchrow(_CONNECTED, f"{APPLICATION_NAME}%")
        if not number:
            return
        if time.monotonic() > deadline:
            connections = counted(number, "connection")
            raise Conflict(
                f"servers, workers or commands are using this database ({connections} from {addresses});"
                " stop all of them and restore again"
            )
        await asyncio.sleep(_PAUSE_S)


async def _refuse_content(connection: asyncpg.Connection) -> None:
    """Raise Conflict if a table that a backup fills has rows, except the list of backups."""
    for name, fate in FATES.items():
        if fate is not Fate.COPIED or name == "backups":
            continue
        exists = await connection.fetchval("select to_regclass($1) is not null", name)
        if exists and await connection.fetchval(f"select exists (select from {name})"):
            raise Conflict(
                f"the database is not empty (table {name} has rows); give --replace to replace everything"
                " in it by the backup, or restore into another one"
            )
