"""Reads whole tables for a backup, as of one moment and in the order in which a restore loads them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from app.store.database import Database
from app.store.unreachable import UNREACHABLE

_PIECES_WAITING = 4  # of some 64 KB each: PostgreSQL continues while the last ones are compressed


class Fate(StrEnum):
    """What a restore does with a table."""

    COPIED = "copied"
    RECREATED = "recreated"


# Every table of the schema in loading order: a table comes after those it refers to. A test checks that no table is
# missing here.
FATES = {
    "schema_migrations": Fate.RECREATED,  # the schema files create it, up to the backup's number
    "instance": Fate.RECREATED,  # a new database_id, so that no index of the old data is used for the restored data
    "conversations": Fate.COPIED,
    "memories": Fate.COPIED,
    "embeddings": Fate.COPIED,  # making them costs time and money
    "outbox": Fate.COPIED,  # what was sent since the backup is sent again, with the same keys
    "outbox_memories": Fate.COPIED,
    "receipts": Fate.COPIED,
    "quotas": Fate.COPIED,
    "deletions": Fate.COPIED,  # a user being deleted can store nothing after a restore either
    "tokens": Fate.COPIED,
    "oauth_clients": Fate.COPIED,
    "oauth_grants": Fate.COPIED,
    "oauth_tokens": Fate.COPIED,
    "oauth_requests": Fate.RECREATED,  # sign-ins in progress: minutes old, and easy to start again
    "schedule_runs": Fate.COPIED,
    "backups": Fate.COPIED,  # merged with the replaced database's list, since those files still exist
    "changes": Fate.RECREATED,  # followers start from the memories themselves
    "log_positions": Fate.RECREATED,
    "term_counts": Fate.RECREATED,  # counted from the memories
    "usage": Fate.RECREATED,  # the same
    "index_collections": Fate.RECREATED,  # those collections were filled from the old data
    "rate_limits": Fate.RECREATED,  # losing a minute's counts does no harm
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, in the order of the values in its rows."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables as of one moment.

    schema: number of the newest applied schema file. horizon: all transactions below it are included.
    database_bytes: size of the whole database on disk.
    """

    database_id: UUID
    schema: int
    taken_at: datetime
    horizon: int
    database_bytes: int
    tables: tuple[Table, ...]
    _connection: asyncpg.Connection

    def rows(self, table: Table) -> AsyncGenerator[bytes]:
        """Yield a table's rows in COPY's text format, in pieces of any length."""
        return copy_out(self._connection, table)


@asynccontextmanager
async def snapshot(db: Database) -> AsyncIterator[Snapshot]:
    """Lend a snapshot of the database, which does not block writers. Raises StoreUnavailable."""
    async with db.session() as connection:
        # It ends with its connection: a rollback could not be sent during a COPY.
        await connection.execute("begin isolation level repeatable read read only")
        row = await connection.fetchrow(
            "select (select database_id from instance), (select max(number) from schema_migrations), now(),"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_database_size(current_database())"
        )
        columns = await table_columns(connection)
        tables = tuple(Table(name, columns[name]) for name, fate in FATES.items() if fate is Fate.COPIED)
        yield Snapshot(UUID(str(row[0])), row[1], row[2], row[3], row[4], tables, connection)


async def table_columns(connection: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    """Return the columns of every table of the current schema, without generated ones."""
    rows = await connection.fetch(
        "select relname, array_agg(attname::text order by attnum) from pg_attribute join pg_class c on c.oid = attrelid"
        " where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')"
        " and attnum > 0 and not attisdropped and attgenerated = '' group by relname"
    )
    return {row[0]: tuple(row[1]) for row in rows}


async def copy_out(connection: asyncpg.Connection, table: Table) -> AsyncGenerator[bytes]:
    """Yield the rows of a table in COPY's text format, in pieces of any length.

    If the generator is not read to its end, the connection is no longer usable.
    """
    pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES_WAITING)
    copying = asyncio.create_task(connection.copy_from_table(table.name, columns=table.columns, output=pieces.put))
    try:
        while not (copying.done() and pieces.empty()):
            getting = asyncio.ensure_future(pieces.get())
            try:
                await asyncio.wait((getting, copying), return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
            finally:
                getting.cancel()
        await copying
    finally:
        copying.cancel()
        with contextlib.suppress(asyncio.CancelledError, asyncpg.PostgresError, *UNREACHABLE):  # it was raised above
            await copying
