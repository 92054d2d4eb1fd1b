"""Reads whole tables as of one moment: what a backup holds, and in which order it is loaded."""

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

_PIECES_WAITING = 4  # of some 64 KB each: PostgreSQL goes on while the last ones are packed


class Fate(StrEnum):
    """What becomes of a table when a backup is restored."""

    COPIED = "copied"
    MADE_ANEW = "made anew"


# Every table of the schema, in the order in which they are loaded: what others refer to comes first. A test holds
# that a new table gets a line here.
FATES = {
    "schema_migrations": Fate.MADE_ANEW,  # the schema is made by its own files, up to the backup's number
    "instance": Fate.MADE_ANEW,  # a new database_id: an index made from the old data is never used for the restored
    "conversations": Fate.COPIED,
    "memories": Fate.COPIED,
    "embeddings": Fate.COPIED,  # they cost time and money to make
    "quotas": Fate.COPIED,
    "deletions": Fate.COPIED,  # a user whose deletion had begun stores nothing after a restore either
    "tokens": Fate.COPIED,
    "oauth_clients": Fate.COPIED,
    "oauth_grants": Fate.COPIED,
    "oauth_tokens": Fate.COPIED,
    "oauth_requests": Fate.MADE_ANEW,  # sign-ins in progress: minutes old, and begun again with a click
    "schedule_runs": Fate.COPIED,
    "backups": Fate.COPIED,  # together with what the replaced database knew, since those files are still there
    "changes": Fate.MADE_ANEW,  # followers begin with the memories themselves
    "log_positions": Fate.MADE_ANEW,
    "term_counts": Fate.MADE_ANEW,  # counted from the memories
    "usage": Fate.MADE_ANEW,  # the same
    "index_collections": Fate.MADE_ANEW,  # they were filled from the old data
    "rate_limits": Fate.MADE_ANEW,  # a minute's requests are forgiven
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, in the order in which their values are written."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables as of one moment.

    schema: number of the newest schema file that was applied. horizon: transactions below it are all in here.
    database_bytes: what all of the database takes on its disk.
    """

    database_id: UUID
    schema: int
    taken_at: datetime
    horizon: int
    database_bytes: int
    tables: tuple[Table, ...]
    _connection: asyncpg.Connection

    def rows(self, table: Table) -> AsyncGenerator[bytes]:
        """Yield a table's rows in the text format of COPY, in pieces of any length."""
        return copy_out(self._connection, table)


@asynccontextmanager
async def snapshot(db: Database) -> AsyncIterator[Snapshot]:
    """Hold one moment of the database for reading; writers go on meanwhile. Raises StoreUnavailable."""
    async with db.session() as connection:
        # Ended with its connection: a rollback could not be sent in the middle of a COPY.
        await connection.execute("begin isolation level repeatable read read only")
        row = await connection.fetchrow(
            "select (select database_id from instance), (select max(number) from schema_migrations), now(),"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_database_size(current_database())"
        )
        columns = await table_columns(connection)
        tables = tuple(Table(name, columns[name]) for name, fate in FATES.items() if fate is Fate.COPIED)
        yield Snapshot(UUID(str(row[0])), row[1], row[2], row[3], row[4], tables, connection)


async def table_columns(connection: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    """Return the columns of every table of the current schema, without those that PostgreSQL computes itself."""
    rows = await connection.fetch(
        "select relname, array_agg(attname::text order by attnum) from pg_attribute join pg_class c on c.oid = attrelid"
        " where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')"
        " and attnum > 0 and not attisdropped and attgenerated = '' group by relname"
    )
    return {row[0]: tuple(row[1]) for row in rows}


async def copy_out(connection: asyncpg.Connection, table: Table) -> AsyncGenerator[bytes]:
    """Yield the rows of a table in the text format of COPY, in pieces of any length.

    A connection whose generator was not read to its end is of no more use.
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
