"""The collections of a Qdrant server as PostgreSQL knows them: which one answers, and what it may lack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class Collection:
    """A row. state: filling, live or retired; position: complete below this transaction, None until filled once."""

    name: str
    state: str
    shape: dict[str, Any]
    position: int | None
    points: int
    rebuild_asked: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveCollection:
    """The live collection as a search of one user sees it.

    changed: sessions and memories with changes the collection may not have yet; more than asked for: too many.
    log_is_short: the log no longer reaches back to its position, so nobody knows what it lacks.
    """

    name: str
    shape: dict[str, Any]
    log_is_short: bool
    changed: list[tuple[UUID, UUID]]


class Collections:
    """Reads and changes those rows; those of other databases do not exist for it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Collection]:
        """Return all, oldest first."""
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                f"select {_COLUMNS} from index_collections where {_OURS} order by created_at, name"
            )
        return [Collection(*row) for row in rows]

    async def live(self) -> Collection | None:
        """Return the one that answers."""
        return next((one for one in await self.all() if one.state == "live"), None)

    async def seen_by(self, user: str, changes: int) -> LiveCollection | None:
        """Return the live collection and at most `changes` + 1 of the user's changes it may lack, as this user."""
        async with self._db.as_user(user) as connection:
            row = await connection.fetchrow(_VIEW, user, changes + 1)
        return LiveCollection(*row) if row is not None else None

    async def lag(self, changes: int) -> tuple[int, float]:
        """Return (changes the live collection may lack, at most `changes`; seconds since the oldest of them)."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(_LAG, changes)
        return row["changes"], row["seconds"]

    async def begin(self, prefix: str, shape: dict[str, Any]) -> str:
        """Note a new collection that is going to be filled, and return its name."""
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
        """Note that a collection has everything below a transaction, and all that a snapshot shows."""
        await self._execute(
            "update index_collections set position = ($2::bigint::text)::xid8, seen = $3::text::pg_snapshot"
            " where name = $1",
            name,
            position,
            seen,
        )

    async def note_points(self, name: str, points: int) -> None:
        """Note how far the filling is."""
        await self._execute("update index_collections set points = $2 where name = $1", name, points)

    async def switch(self, name: str) -> None:
        """Make a filled collection the live one, and retire the one that was."""
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
        """Let no search use a collection any more."""
        await self._execute(
            "update index_collections set state = 'retired', retired_at = now() where name = $1 and state = 'live'",
            name,
        )

    async def left_over(self, grace: timedelta) -> list[str]:
        """Return the collections that were retired longer ago than `grace`, or are being filled for longer."""
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                f"select name from index_collections where state <> 'live' and {_OURS}"
                " and coalesce(retired_at, created_at) < now() - $1::interval",
                grace,
            )
        return [row["name"] for row in rows]

    async def remove(self, name: str) -> None:
        """Forget a collection that is gone."""
        await self._execute("delete from index_collections where name = $1 and state <> 'live'", name)

    async def remove_strangers(self) -> None:
        """Forget collections of other databases: the copies a restored backup brought."""
        await self._execute(f"delete from index_collections where not ({_OURS})")

    async def ask_for_rebuild(self) -> None:
        """Ask whoever feeds the live collection to fill a new one in its place."""
        await self._execute(f"update index_collections set rebuild_asked = true where state = 'live' and {_OURS}")

    async def _execute(self, sql: str, *arguments: Any) -> None:
        async with self._db.as_service() as connection:
            await connection.execute(sql, *arguments)
