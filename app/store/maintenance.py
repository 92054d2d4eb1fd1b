"""The statements that clean up, vacuum and rebuild in PostgreSQL; `app.ops.maintain` runs and reports them.

Rows are deleted in small transactions. A row that changes meanwhile is not deleted: a deletion finds rows by location
(ctid), and a change moves them. So a conversation that is being written to is not mistaken for an empty one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import Conflict
from app.store.database import Database
from app.store.writing import shrink_touched

_LOCK = 0x636C6D61696E74  # "clmaint": one process at a time on a database
_AT_ONCE = 2_000  # rows per transaction
_LONG_S = 3_600.0  # a statement on a whole table
_BLOATED = 2.0  # times the size after a rebuild; a B-tree in use seldom exceeds 1.5
_WORTH_BYTES = 8 << 20  # reading a smaller index is as fast when bloated

_TABLES = """
select quote_ident(c.relname) as name, pg_total_relation_size(c.oid) as bytes
from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
order by 1
"""

# The size of a B-tree after a rebuild: an entry has a header of 8 bytes, columns in steps of 8, and a pointer of 4;
# pages are 90 % full. Equal keys are stored once, so most are smaller: this finds too few rather than too many.
_INDEXES = f"""
select quote_ident(c.relname) as name, pg_relation_size(c.oid) as bytes,
       (greatest(c.reltuples, 0) * (12 + 8 * ceil(width / 8.0)) / 0.9 + 3 * 8192)::bigint as expected
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     join pg_am on pg_am.oid = c.relam and amname = 'btree',
lateral (
    select coalesce(sum(coalesce(s.avg_width, 16)), 16) as width
    from unnest(i.indkey::smallint[]) as key join pg_attribute a on a.attrelid = t.oid and a.attnum = key
    left join pg_stats s on s.schemaname = current_schema() and s.tablename = t.relname and s.attname = a.attname
) as columns
where t.relnamespace = current_schema()::regnamespace and i.indisvalid and pg_relation_size(c.oid) >= {_WORTH_BYTES}
order by 1
"""

# What an interrupted `reindex concurrently` leaves behind, without indexes that one is still building.
_HALF_MADE = r"""
select quote_ident(c.relname) as name from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace = current_schema()::regnamespace and not i.indisvalid and c.relname ~ '_cc(new|old)\d*$'
  and not exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid or p.relid = i.indrelid)
"""


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Rows to delete. where: SQL that must use $1, the time before which rows are old, even if it needs none."""

    name: str
    table: str
    where: str


CLEANUPS = (
    Cleanup("expired memories", "memories", "expires_at <= now() and $1::timestamptz < now()"),
    Cleanup("archived memories", "memories", "archived_at < $1"),
    Cleanup(
        "empty conversations",
        "conversations",
        "updated_at < $1 and not exists (select from memories m where m.user_id = conversations.user_id"
        " and m.conversation_id = conversations.id) and not exists (select from receipts r"
        " where r.user_id = conversations.user_id and r.conversation_id = conversations.id)",
    ),
    Cleanup("revoked and expired tokens", "tokens", "least(revoked_at, expires_at) < $1"),
    Cleanup("sign-ins nobody finished", "oauth_requests", "expires_at <= now() and $1::timestamptz < now()"),
    Cleanup("ended grants of clients", "oauth_grants", "least(revoked_at, expires_at) < $1"),
    Cleanup("counts of terms that are gone", "term_counts", "memories = 0 and $1::timestamptz < now()"),
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table with its indexes, or an index. expected: an index's size in bytes after a rebuild."""

    name: str
    bytes: int
    expected: int = 0


class Maintenance:
    """Runs the statements on one connection of the service."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def count(self, cleanup: Cleanup, before: datetime) -> int:
        """Count the rows a cleanup would delete."""
        sql = f"select count(*) from {cleanup.table} where {cleanup.where}"
        return int(await self._connection.fetchval(sql, before, timeout=_LONG_S))

    async def delete(self, cleanup: Cleanup, before: datetime) -> int:
        """Delete a cleanup's rows and shrink the conversations that lose turns; return how many rows."""
        memories = cleanup.table == "memories"
        sql = (
            f"delete from {cleanup.table} where {cleanup.where} and ctid = any(array("
            f"select ctid from {cleanup.table} where {cleanup.where} limit {_AT_ONCE}))"
            f" returning {'user_id, conversation_id' if memories else '1'}"
        )
        deleted = 0
        while True:
            async with self._connection.transaction():
                rows = await self._connection.fetch(sql, before, timeout=_LONG_S)
                if memories:
                    await shrink_touched(self._connection, rows)
            if not rows:
                return deleted
            deleted += len(rows)

    async def tables(self) -> list[Relation]:
        """Return our tables with their sizes, including indexes."""
        return [Relation(row["name"], row["bytes"]) for row in await self._connection.fetch(_TABLES)]

    async def vacuum(self, table: str) -> None:
        """Free the space of deleted rows, and refresh the planner's statistics."""
        await self._connection.execute(f"vacuum (analyze) {table}", timeout=_LONG_S)

    async def bloated(self) -> list[Relation]:
        """Return the indexes that are much larger than after a rebuild; call it right after a vacuum."""
        rows = await self._connection.fetch(_INDEXES)
        indexes = [Relation(row["name"], row["bytes"], row["expected"]) for row in rows]
        return [index for index in indexes if index.bytes > _BLOATED * index.expected]

    async def rebuild(self, index: str) -> int:
        """Rebuild an index without blocking readers and writers; return its bytes."""
        await self._connection.execute(f"reindex index concurrently {index}", timeout=_LONG_S)
        return int(await self._connection.fetchval("select pg_relation_size($1::text::regclass)", index))

    async def half_made(self) -> list[str]:
        """Return the indexes that an interrupted rebuild left behind."""
        return [row["name"] for row in await self._connection.fetch(_HALF_MADE)]

    async def drop_index(self, index: str) -> None:
        """Drop an index without blocking readers and writers."""
        await self._connection.execute(f"drop index concurrently {index}", timeout=_LONG_S)

    async def database_bytes(self) -> int:
        """Return the size of the database in bytes."""
        return int(await self._connection.fetchval("select pg_database_size(current_database())"))


@asynccontextmanager
async def maintenance(db: Database) -> AsyncIterator[Maintenance]:
    """Lend a Maintenance to one process at a time. Raises Conflict when another one has it."""
    async with db.as_service() as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):
            raise Conflict("this database is being maintained by another process; wait until that is done")
        try:
            yield Maintenance(connection)
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", _LOCK)
