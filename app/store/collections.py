"""The records of a shared index's collections in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.index.collections import IndexCollection, LiveCollection
from app.store.database import Database

_COLUMNS = "name, state, shape, position::text::bigint as position, points, rebuild_asked, retired_at"
_OURS = "database_id = (select database_id from instance)"

_VIEW = f"""
select name, shape, position < (select xid from log_positions where name = 'pruned') as log_is_short,
       array(select row(session_id, memory_id) from changes
             where user_id = $1 and xid >= live.position and not pg_visible_in_snapshot(xid, live.seen)
             limit $2) as changed
from index_collections live where state = 'live' and {_OURS}
"""

_LAG = f"""
select count(*) as changes, coalesce(extract(epoch from now() - min(at)), 0)::float8 as seconds
from (select changes.at from changes, index_collections live
      where state = 'live' and {_OURS} and xid >= live.position and not pg_visible_in_snapshot(xid, live.seen)
      limit $1) as pending
"""


class PostgresCollections:
    """An app.index.collections.Collections in PostgreSQL; it ignores other databases' rows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[IndexCollection]:
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                f"select {_COLUMNS} from index_collections where {_OURS} order by created_at, name"
            )
        return [IndexCollection(*row) for row in rows]

    async def live(self) -> IndexCollection | None:
        return next((collection for collection in await self.all() if collection.state == "live"), None)

    async def seen_by(self, user: str, changes: int) -> LiveCollection | None:
        async with self._db.as_user(user, writes=False) as connection:
            row = await connection.fetchrow(_VIEW, user, changes + 1)
        return LiveCollection(*row) if row is not None else None

    async def lag(self, changes: int) -> tuple[int, float]:
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(_LAG, changes)
        return row["changes"], row["seconds"]

    async def begin(self, prefix: str, shape: dict[str, Any]) -> str:
        async with self._db.as_service() as connection:
            return str(
                await connection.fetchval(
                    "insert into index_collections (name, database_id, shape)"
                    " select $1 || '_' || left(database_id::text, 8) || '_' || nextval('index_collection_numbers'),"
                    " database_id, $2 from instance returning name",
                    prefix,
                    shape,
                )
            )

    async def save(self, name: str, position: int, seen: str) -> None:
        await self._execute(
            "update index_collections set position = ($2::bigint::text)::xid8, seen = $3::text::pg_snapshot"
            " where name = $1",
            name,
            position,
            seen,
        )

    async def note_points(self, name: str, points: int) -> None:
        await self._execute("update index_collections set points = $2 where name = $1", name, points)

    async def switch(self, name: str) -> None:
        async with self._db.as_service() as connection, connection.transaction():
            await connection.execute(
                "update index_collections set state = 'retired', retired_at = now()"
                f" where state = 'live' and {_OURS} and name <> $1",
                name,
            )
            await connection.execute(
                "update index_collections set state = 'live' where name = $1 and position is not null", name
            )

    async def retire(self, name: str) -> None:
        await self._execute(
            "update index_collections set state = 'retired', retired_at = now() where name = $1 and state = 'live'",
            name,
        )

    async def left_over(self, grace: timedelta) -> list[str]:
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                f"select name from index_collections where state <> 'live' and {_OURS}"
                " and coalesce(retired_at, created_at) < now() - $1::interval",
                grace,
            )
        return [row["name"] for row in rows]

    async def remove(self, name: str) -> None:
        await self._execute("delete from index_collections where name = $1 and state <> 'live'", name)

    async def remove_strangers(self) -> None:
        await self._execute(f"delete from index_collections where not ({_OURS})")

    async def ask_for_rebuild(self) -> None:
        await self._execute(f"update index_collections set rebuild_asked = true where state = 'live' and {_OURS}")

    async def _execute(self, sql: str, *arguments: Any) -> None:
        async with self._db.as_service() as connection:
            await connection.execute(sql, *arguments)
