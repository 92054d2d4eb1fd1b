"""The vectors of all users' memories in PostgreSQL: finds those that are missing, and stores them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.memory.change_log import LogPruned
from app.memory.ports import Unembedded
from app.store.database import Database
from app.store.rows import LIVE

_AT_ONCE = 5_000  # memories per query; each one that has a vector costs an index lookup

# `offset 0` keeps the planner from joining whole tables: it plans once, perhaps while they are empty.
_WITHOUT = f"""
select m.* from unnest($2::uuid[]) with ordinality as wanted (id, place) cross join lateral (
    select id, version, name, text from memories
    where id = wanted.id and {LIVE}
      and not exists (select from embeddings where memory_id = memories.id and model = $1 offset 0)
    offset 0
) as m order by place limit $3
"""
_OLDER = "select id from memories where id < $1 order by id desc limit $2"
_CHANGED = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon,
       (select xid::text::bigint from log_positions where name = 'pruned') as pruned,
       array(select memory_id from changes where xid >= ($1::bigint::text)::xid8 order by xid limit $2) as memories
"""
_COUNT = f"select count(*) from memories join embeddings on memory_id = id where model = $1 and {LIVE}"
# The rows are locked, so that a text that is being changed does not get the vector of the old text.
_STORE = """
insert into embeddings (memory_id, user_id, model, vector)
select m.id, m.user_id, $1, new.vector
from unnest($2::uuid[], $3::integer[], $4::bytea[]) as new (id, version, vector) cross join lateral (
    select id, user_id from memories where id = new.id and version = new.version for share
) as m
on conflict (memory_id) do update set model = excluded.model, vector = excluded.vector, created_at = now()
"""


class Embeddings:
    """An app.memory.ports.VectorStore in PostgreSQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def horizon(self) -> int:
        async with self._db.as_service() as connection:
            return int(await connection.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

    async def older(self, model: str, than: UUID, limit: int) -> tuple[list[Unembedded], UUID | None]:
        async with self._db.as_service() as connection:
            page = [row["id"] for row in await connection.fetch(_OLDER, than, _AT_ONCE)]
            memories = await _without_vector(connection, model, page, limit)
        if len(memories) == limit:
            return memories, memories[-1].id
        return memories, page[-1] if page else None

    async def changed(self, model: str, position: int, limit: int) -> tuple[list[Unembedded], int]:
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(_CHANGED, position, _AT_ONCE + 1)
            if position < row["pruned"] or len(row["memories"]) > _AT_ONCE:
                raise LogPruned
            memories = await _without_vector(connection, model, list(dict.fromkeys(row["memories"])), limit)
        return memories, row["horizon"]

    async def count(self, model: str) -> int:
        """Return how many live memories of all users have a vector of the model."""
        async with self._db.as_service(writes=False) as connection:
            return int(await connection.fetchval(_COUNT, model))

    async def store(self, model: str, embedded: Sequence[tuple[Unembedded, bytes]]) -> int:
        ordered = sorted(embedded, key=lambda pair: pair[0].id)  # everything locks rows in one order
        async with self._db.as_service() as connection:
            done = await connection.execute(
                _STORE,
                model,
                [memory.id for memory, _ in ordered],
                [memory.version for memory, _ in ordered],
                [vector for _, vector in ordered],
            )
        return int(done.split()[-1])


async def _without_vector(connection: Any, model: str, memories: Sequence[UUID], limit: int) -> list[Unembedded]:
    """Return those of the memories that are live and have no vector of the model, in the given order."""
    return [Unembedded(*row) for row in await connection.fetch(_WITHOUT, model, list(memories), limit)]
