"""What people see of the outbox, and what they decide about it: send again, or drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import Conflict, NotFound
from app.memory.outbox import OutboxState
from app.store.database import Database
from app.store.outbox import RENEW
from app.store.writing import shrink_touched

_LIST = """
select o.id, o.user_id as user, o.conversation_id, o.part, o.parts, o.state, o.task_id, o.attempts, o.problem,
       o.created_at, o.next_at, count(m.id) as memories, coalesce(sum(char_length(m.text)), 0)::bigint as characters,
       case when $3 then string_agg(m.text, E'\n' order by om.place) end as text
from outbox o left join outbox_memories om on om.entry_id = o.id left join memories m on m.id = om.memory_id
where ($1::bigint[] is null or o.id = any($1)) and ($2::text is null or o.state = $2)
group by o.id order by o.id limit $4
"""
_LOCK_MEMORIES = """
select m.id from outbox_memories o join memories m on m.id = o.memory_id where o.entry_id = any($1::bigint[])
order by m.id for update of m
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An entry as people see it. memories: rows that it hands over; text: None unless it was asked for."""

    id: int
    user: str
    conversation_id: str | None
    part: int
    parts: int
    state: OutboxState
    task_id: str | None
    attempts: int
    problem: str | None
    created_at: datetime
    next_at: datetime
    memories: int
    characters: int
    text: str | None


class OutboxReview:
    """Lists, sends again and drops, of all users; runs as the service."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(
        self,
        *,
        ids: Sequence[int] | None = None,
        state: OutboxState | None = None,
        texts: bool = False,
        limit: int | None = None,
    ) -> list[OutboxRow]:
        """Return entries, oldest first: all, these, or those in a state."""
        async with self._db.as_service() as connection:
            rows = await connection.fetch(_LIST, ids, state, texts, limit)
        return [OutboxRow(**{**row, "state": OutboxState(row["state"])}) for row in rows]

    async def retry(self, ids: Sequence[int] | None) -> int:
        """Have entries sent now, as they are; return how many. None: all that were refused.

        Each gets another key: the service may answer a known one with the refusal it remembers.
        Raises NotFound, and Conflict for one that the service works on.
        """
        async with self._db.as_service() as connection, connection.transaction():
            chosen = await _chosen(connection, ids)
            if sent := [id_ for id_, state in chosen.items() if state == OutboxState.SENT]:
                raise Conflict(f"memU works on {_named(sent)}; nothing was changed, wait for its answer")
            await connection.execute(RENEW, list(chosen))
        return len(chosen)

    async def drop(self, ids: Sequence[int], *, keeps: bool) -> int:
        """Remove entries without handing them over; return how many. keeps: whether their memories stay here.

        Raises NotFound.
        """
        async with self._db.as_service() as connection, connection.transaction():
            memories = [row["id"] for row in await connection.fetch(_LOCK_MEMORIES, list(ids))]
            chosen = await _chosen(connection, ids)
            await connection.execute("delete from outbox where id = any($1::bigint[])", list(chosen))
            if not keeps:
                gone = await connection.fetch(
                    "delete from memories where id = any($1::uuid[]) returning user_id, conversation_id", memories
                )
                await shrink_touched(connection, gone)
        return len(chosen)


async def _chosen(connection: Any, ids: Sequence[int] | None) -> dict[int, OutboxState]:
    """Lock entries and return their states; None: of all refused ones. Raises NotFound."""
    rows = await connection.fetch(
        "select id, state from outbox where case when $1::bigint[] is null then state = 'refused' else id = any($1) end"
        " order by id for update",
        None if ids is None else list(ids),
    )
    states = {row["id"]: OutboxState(row["state"]) for row in rows}
    if missing := [id_ for id_ in ids or () if id_ not in states]:
        raise NotFound(
            f"the outbox has no {_named(missing)}; it was delivered, forgotten or dropped; nothing was changed"
        )
    return states


def _named(ids: Sequence[int]) -> str:
    return f"entry {ids[0]}" if len(ids) == 1 else f"entries {', '.join(map(str, ids))}"
