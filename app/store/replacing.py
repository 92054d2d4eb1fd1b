"""Puts the tables of a backup in the place of those that are there, in one transaction.

The new tables are made and filled in a schema that nobody sees, while the old ones are read as ever. Only the last
statements drop the old ones and move the new ones in. Whatever ends the transaction before its commit, kill -9 and a
power failure too, leaves the old tables as they were, and PostgreSQL takes the rest away.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from app.errors import Conflict
from app.store.database import APPLICATION_NAME, Database
from app.store.migrations import LOCK_KEY, migrate
from app.store.snapshots import FATES, Fate, Table, copy_out
from app.store.terms import COUNT_ALL

_PATIENCE_S = 3.0  # a server that was just stopped may still be closing its connections
_PAUSE_S = 0.1
_LOCK_TIMEOUT = "30s"  # for the old tables, should somebody be reading them by hand

_CONNECTED = """
select count(*), string_agg(distinct coalesce(host(client_addr), 'a socket'), ', ') from pg_stat_activity
where datname = current_database() and application_name like $1 and pid <> pg_backend_pid()
"""
_TABLES = "select relname::text from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p')"
_SEQUENCES = """
select relname::text from pg_class c where relnamespace = $1::regnamespace and relkind = 'S'
and not exists (select from pg_depend where objid = c.oid and deptype in ('a', 'i')) -- those go with their columns
"""
_FUNCTIONS = """
select quote_ident(proname) || '(' || pg_get_function_identity_arguments(oid) || ')' from pg_proc
where pronamespace = $1::regnamespace
"""
# Numbers that a table gives out itself go on after the highest one that was loaded.
_NUMBERED = """
select attname::text, pg_get_serial_sequence(format('%I.%I', $1::text, $2::text), attname) as sequence
from pg_attribute
where attrelid = format('%I.%I', $1::text, $2::text)::regclass and attnum > 0 and not attisdropped
  and pg_get_serial_sequence(format('%I.%I', $1::text, $2::text), attname) is not null
"""
# Above every position that a follower can have now, so that one which missed the change rebuilds.
_PRUNED = "update log_positions set xid = ((pg_current_xact_id()::text::bigint + 1)::text)::xid8 where name = 'pruned'"


class Replacement:
    """New tables in the making. Names in SQL mean them, as they come first on the search path."""

    def __init__(self, connection: asyncpg.Connection, target: str) -> None:
        self._connection = connection
        self._target = target  # the schema the tables will be in
        self._making = f"restore_{secrets.token_hex(4)}"

    async def make(self, schema: int) -> None:
        """Make empty tables as schema file number `schema` left them."""
        await self._connection.execute(f"create schema {self._making}")
        await self._connection.execute(f"set local search_path = {self._making}, {self._target}")
        await migrate(self._connection, schema)
        for name in await self._copied():
            await self._connection.execute(f"alter table {name} disable trigger user")  # no changes, no counting
            await self._connection.execute(f"delete from {name}")  # what the schema files put there

    async def load(self, table: Table, rows: AsyncIterator[bytes]) -> None:
        """Fill a table. Raises Conflict when the rows are not what it takes."""
        if FATES.get(table.name) is not Fate.COPIED:
            raise Conflict(f"there is no table {table.name[:60]!r} to restore; nothing was changed")
        try:
            await self._connection.copy_to_table(
                table.name, schema_name=self._making, columns=table.columns, source=rows
            )
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError) as error:
            # PostgreSQL's own words may hold the text of a memory
            raise Conflict(f"table {table.name} does not take the rows: {type(error).__name__}") from error

    async def finish(self) -> UUID:
        """Bring the schema up to date, derive what is derived, take the old tables' place; return the new id."""
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
        there = {row[0] for row in await self._connection.fetch(_TABLES, self._making)}
        return [name for name, fate in FATES.items() if fate is Fate.COPIED and name in there]

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
            raise Conflict(f"the old tables cannot go: {error}; end what uses them and restore again") from error
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
async def replacement(db: Database, schema: int, *, replace: bool) -> AsyncIterator[Replacement]:
    """Begin to replace all tables; committed at the end of the block, undone by any error.

    schema: number of the schema file the rows were written under. Servers that start meanwhile wait.
    Raises Conflict while a server is connected, and, without `replace`, when there is anything to lose.
    """
    async with db.session() as connection:
        await _take_lock(connection)
        await _wait_alone(connection)
        target = await connection.fetchval("select quote_ident(current_schema())")
        if not replace:
            await _refuse_content(connection)
        async with connection.transaction():
            made = Replacement(connection, target)
            await made.make(schema)
            yield made


async def rows_of(db: Database, table: Table) -> AsyncIterator[bytes]:
    """Yield the rows of a table in the text format of COPY."""
    async with db.session() as connection:
        async for piece in copy_out(connection, table):
            yield piece


async def _take_lock(connection: asyncpg.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
        if time.monotonic() > deadline:
            raise Conflict("another process is restoring or migrating this database; wait until it is done")
        await asyncio.sleep(_PAUSE_S)


async def _wait_alone(connection: asyncpg.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        number, places = await connection.fetchrow(_CONNECTED, f"{APPLICATION_NAME}%")
        if not number:
            return
        if time.monotonic() > deadline:
            raise Conflict(
                f"servers, workers or commands are using this database ({number} connections from {places});"
                " stop all of them and restore again"
            )
        await asyncio.sleep(_PAUSE_S)


async def _refuse_content(connection: asyncpg.Connection) -> None:
    """Raise Conflict when a table that a backup brings has rows; the list of backups does not count."""
    for name, fate in FATES.items():
        if fate is not Fate.COPIED or name == "backups":
            continue
        there = await connection.fetchval("select to_regclass($1) is not null", name)
        if there and await connection.fetchval(f"select exists (select from {name})"):
            raise Conflict(
                f"the database is not empty (table {name} has rows); give --replace to put the backup in the place of"
                " everything in it, or restore into another one"
            )
