"""Users for an operator: how much each stores and may store, and the deletion of a user with all data.

A user is a name with memories or receipts, a token, a grant to a client or a quota. The tables that name users are read
from PostgreSQL's catalogue, so a table added later is counted and emptied too, without being listed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

from app.errors import Conflict, NotFound
from app.memory.types import Quota, Use
from app.store.database import Database
from app.store.terms import FOLD_LOCK

_AT_ONCE = 2_000  # memories per transaction of a deletion: some 0.2 s, and as many entries in the log
_LONG_S = 600.0  # for a statement on all rows of a user
_USER_LOCK = 0x75736572  # "user": the lock that the schema's check_user takes
_LOG = "changes"  # its entries outlive the user, as ids only, until every follower has read the deletion
# Deleted last; every way to sign in is in the other tables.
_LAST = {"memories", "embeddings", "conversations", "term_counts", "usage", "deletions", _LOG}

_TABLES = """
select c.oid::bigint as id, quote_ident(c.relname) as name,
       array(select f.confrelid::bigint from pg_constraint f where f.contype = 'f' and f.conrelid = c.oid) as needs
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and a.attname = 'user_id' and not a.attisdropped
"""

_LIST = """
with known as (
    select user_id from usage
    union select user_id from changes where xid >= (select xid from log_positions where name = 'usage')
    union select user_id from tokens union select user_id from oauth_grants
    union select user_id from quotas union select user_id from deletions union select user_id from receipts
), live as (
    select user_id, count(*) as tokens from tokens
    where revoked_at is null and (expires_at is null or expires_at > now()) group by user_id
), talks as (
    select user_id, count(*) as conversations from conversations group by user_id
)
select user_id, used.memories, used.bytes, coalesce(own.memories, $1) as most_memories,
       coalesce(own.bytes, $2) as most_bytes, coalesce(conversations, 0) as conversations,
       coalesce(tokens, 0) as tokens, begun_at
from known cross join lateral used_by(user_id) as used left join quotas own using (user_id)
     left join live using (user_id) left join talks using (user_id) left join deletions using (user_id)
where user_id <> '' order by user_id
"""

_FORGET_IN_LOG = """
update changes set user_id = '', added_to = '', added = '{}', removed_from = '', removed = '{}', memories = 0, bytes = 0
where user_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user. deletion_begun_at: set while the user is being deleted, or if the deletion was interrupted."""

    user: str
    use: Use
    conversations: int
    live_tokens: int
    deletion_begun_at: datetime | None


class UnknownUser(NotFound):
    """No row names the user."""

    def __init__(self, user: str) -> None:
        super().__init__(f"user {user!r}: there is no such user; claude-memory user list shows all users")


class Users:
    """Lists and deletes users and sets their quotas; runs as the service."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self) -> list[UserRow]:
        """Return all users, by name."""
        async with self._db.as_service() as connection:
            rows = await connection.fetch(_LIST, self._db.quota.memories, self._db.quota.bytes, timeout=_LONG_S)
        return [
            UserRow(
                user=row["user_id"],
                use=Use(row["memories"], row["bytes"], Quota(row["most_memories"], row["most_bytes"])),
                conversations=row["conversations"],
                live_tokens=row["tokens"],
                deletion_begun_at=row["begun_at"],
            )
            for row in rows
        ]

    async def set_quota(self, user: str, memories: int | None, bytes_: int | None) -> None:
        """Set a user's own quota; 0 means no limit, None leaves a value unchanged."""
        async with self._db.as_service() as connection:
            await connection.execute(
                """
                insert into quotas as own (user_id, memories, bytes) values ($1, $2, $3)
                on conflict (user_id) do update
                    set memories = coalesce($2, own.memories), bytes = coalesce($3, own.bytes)
                """,
                user,
                memories,
                bytes_,
            )

    async def drop_quota(self, user: str) -> None:
        """Remove a user's own quota, so that the settings' quota applies again."""
        async with self._db.as_service() as connection:
            await connection.execute("delete from quotas where user_id = $1", user)

    async def use(self, user: str) -> Use:
        """Return how much a user stores and may store."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                """
                select used.memories, used.bytes, coalesce(own.memories, $2), coalesce(own.bytes, $3)
                from used_by($1) as used left join quotas own on own.user_id = $1
                """,
                user,
                self._db.quota.memories,
                self._db.quota.bytes,
            )
        return Use(row[0], row[1], Quota(row[2], row[3]))

    async def rows(self, user: str) -> dict[str, int]:
        """Count the rows that name a user, by table, leaving out tables without any."""
        async with self._db.as_service() as connection:
            return await _rows(connection, await _tables(connection), user)

    async def known(self, user: str, *, by_quota: bool = True) -> bool:
        """Report whether any row names a user; by_quota: whether a quota alone counts."""
        async with self._db.as_service() as connection:
            tables = [table for table in await _tables(connection) if by_quota or table != "quotas"]
            named = [f"exists (select from {table} where user_id = $1)" for table in tables]
            return bool(await connection.fetchval(f"select {' or '.join(named)}", user, timeout=_LONG_S))

    async def delete(self, user: str, on_deleted: Callable[[int], None] = lambda memories: None) -> None:
        """Delete everything that names a user; an interrupted deletion continues where it stopped.

        First it blocks signing in and writing as the user (Conflict). Then it deletes the memories, some at a time, and
        the indexes follow the change log. Last it deletes the rest in one transaction, which commits only if no row
        names the user. on_deleted: called with how many memories each step deleted.
        Raises Conflict when a row is left.
        """
        await self._block(user)
        while deleted := await self._delete_memories(user):
            on_deleted(deleted)
        await self._finish(user)

    async def _block(self, user: str) -> None:
        async with self._db.as_service() as connection, connection.transaction():
            await connection.execute(
                "select pg_advisory_xact_lock($1, hashtext($2))", _USER_LOCK, user, timeout=_LONG_S
            )
            await connection.execute("insert into deletions (user_id) values ($1) on conflict do nothing", user)
            for table in await _tables(connection):
                if table not in _LAST:
                    await connection.execute(f"delete from {table} where user_id = $1", user, timeout=_LONG_S)

    async def _delete_memories(self, user: str) -> int:
        async with self._db.as_service() as connection:
            done = await connection.execute(
                "delete from memories where id in (select id from memories where user_id = $1 limit $2)",
                user,
                _AT_ONCE,
                timeout=_LONG_S,
            )
        return int(done.split()[-1])

    async def _finish(self, user: str) -> None:
        async with self._db.as_service() as connection, connection.transaction(isolation="read_committed"):
            # The lock keeps others from folding, so that all counts of the user are deleted, folded or not.
            await connection.execute("select pg_advisory_xact_lock($1)", FOLD_LOCK, timeout=_LONG_S)
            tables = await _tables(connection)
            for table in tables:
                if table != _LOG:
                    await connection.execute(f"delete from {table} where user_id = $1", user, timeout=_LONG_S)
            await connection.execute(_FORGET_IN_LOG, user, timeout=_LONG_S)
            if left := await _rows(connection, tables, user):
                raise Conflict(
                    f"user {user!r}: rows are left in {', '.join(left)}; something still writes to them; try again"
                )


async def _tables(connection: Any) -> list[str]:
    """Return the tables with a user_id, each before the tables it refers to."""
    rows = {row["id"]: row for row in await connection.fetch(_TABLES)}
    order: TopologicalSorter[int] = TopologicalSorter()
    for id_, row in rows.items():
        order.add(id_)
        for needed in set(row["needs"]) & rows.keys() - {id_}:
            order.add(needed, id_)
    return [rows[id_]["name"] for id_ in order.static_order()]


async def _rows(connection: Any, tables: list[str], user: str) -> dict[str, int]:
    counts = {
        table: await connection.fetchval(f"select count(*) from {table} where user_id = $1", user, timeout=_LONG_S)
        for table in tables
    }
    return {table: count for table, count in sorted(counts.items()) if count}
