"""The vectors of memories in PostgreSQL: which are missing, and putting them there. All users' rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.memory.log import LogPruned
from app.memory.ports import Unembedded
from app.store.database import Database
from app.store.rows import LIVE

_SCANNED = 5_000  # memories looked at in one page; those that have a vector cost a step of an index each

_WITHOUT = f"{LIVE} and not exists (select from embeddings e where e.memory_id = m.id and e.model = $1)"
_OLDER = f"""
with page as (select id from memories where id < $2 order by id desc limit $4)
select (select id from page order by id limit 1) as last,
       array(select row(m.id, m.version, m.name, m.text) from page join memories m using (id)
             where {_WITHOUT} order by m.id desc limit $3) as found
"""
_CHANGED = f"""
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon,
       (select xid::text::bigint from log_positions where name = 'pruned') as pruned,
       array(select row(m.id, m.version, m.name, m.text) from memories m
             where m.id in (select memory_id from changes where xid >= ($2::bigint::text)::xid8)
               and {_WITHOUT} limit $3) as found
"""
# The rows are locked for as long as it takes to see that their text is still the one that was read.
_STORE = """
insert into embeddings (memory_id, user_id, model, vector)
select m.id, m.user_id, $1, new.vector
from unnest($2::uuid[], $3::integer[], $4::bytea[]) as new (id, version, vector)
     join memories m on m.id = new.id and m.version = new.version
order by m.id
for share of m
on conflict (memory_id) do update set model = excluded.model, vector = excluded.vector, created_at = now()
"""


class Embeddings:
    """What the pass over memories without a vector works on; see app.memory.ports.VectorStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def horizon(self) -> int:
        """Return the transaction horizon: what was written from there on is found by `changed`."""
        async with self._db.as_service() as connection:
            return int(await connection.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

    async def older(self, model: str, than: UUID, limit: int) -> tuple[list[Unembedded], UUID | None]:
        """Return live memories without a vector of the model, newest first, and where to go on; None at the end."""
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(_OLDER, model, than, limit, _SCANNED)
        found = _found(row)
        return found, found[-1].id if len(found) == limit else row["last"]

    async def changed(self, model: str, position: int, limit: int) -> tuple[list[Unembedded], int]:
        """Return those among what was written from a position on, and the position to read from next.

        Raises LogPruned when the log does not reach back so far.
        """
        async with self._db.as_service() as connection:
            row = await connection.fetchrow(_CHANGED, model, position, limit)
        if position < row["pruned"]:
            raise LogPruned
        return _found(row), row["horizon"]

    async def store(self, model: str, embedded: Sequence[tuple[Unembedded, bytes]]) -> int:
        """Store vectors of those whose text is still the same; return how many."""
        async with self._db.as_service() as connection:
            done = await connection.execute(
                _STORE,
                model,
                [memory.id for memory, _ in embedded],
                [memory.version for memory, _ in embedded],
                [vector for _, vector in embedded],
            )
        return int(done.split()[-1])


def _found(row: Any) -> list[Unembedded]:
    return [Unembedded(*entry) for entry in row["found"]]
