"""The outbox in PostgreSQL: which entry is due, what it hands over, and how far it is.

Texts are read from the memories when a request is made. A request that is repeated with the same key must hold the
same: `begin` notes the version of each memory in it, and an entry whose memories have changed since then gets another
key. What was changed after it had left is not taken for delivered, but sent again as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.memory.outbox import OutboxEntry, OutboxMessage, OutboxState
from app.memory.types import OutboxDepth
from app.store.database import Database
from app.store.outbox_depth import outbox_depth
from app.store.receipts import keep_receipts

UNDER_WAY = 16  # entries that the service works on at a time; with more they would wait there instead of here

_ENTRY = (
    "id, key, user_id, conversation_id, title, part, parts, state, task_id, attempts, begun, problem, created_at,"
    " next_at"
)
# The oldest entry of each conversation, and all that belong to none. While the service is busy, only those it has.
# Without a join: a plan made for an empty table stays in use while an import fills it.
_HEADS = """
outbox where state <> 'refused'
    and (state = 'sent' or (select count(*) from outbox where state = 'sent') < {under_way})
    and (conversation_id is null or id in (
        select min(id) from outbox where state <> 'refused' and conversation_id is not null
        group by user_id, conversation_id
    ))
"""
_DUE = f"select {_ENTRY} from {_HEADS} and next_at <= now() order by id limit $1"
_NEXT = f"select extract(epoch from min(next_at) - now())::float8 from {_HEADS}"
_CONTENT = """
select o.entry_id, o.place, o.version as sent_version, m.version, m.project, m.kind, m.tags, m.role, m.name,
       m.text, m.occurred_at
from outbox_memories o join memories m on m.id = o.memory_id
where o.entry_id = any($1::bigint[]) and (m.expires_at is null or m.expires_at > now())
order by o.entry_id, o.place
"""
# Makes the next request another one.
RENEW = """
update outbox set key = gen_random_uuid(), begun = null, state = 'waiting', task_id = null, next_at = now()
where id = any($1::bigint[]) returning id, key
"""
_BEGUN = """
update outbox_memories o set version = sent.version
from unnest($2::integer[], $3::integer[]) as sent (place, version) where o.entry_id = $1 and o.place = sent.place
"""
# Memories are locked before the entry, in the order in which forgetting does it.
_LOCK_MEMORIES = """
select m.id, o.version is not distinct from m.version as delivered,
       coalesce(m.expires_at <= now(), false) as expired
from outbox_memories o join memories m on m.id = o.memory_id where o.entry_id = $1 order by m.id for update of m
"""
_LOCK = "select from outbox where id = $1 and key = $2 for update"


class PostgresOutbox:
    """An app.memory.outbox.Outbox in PostgreSQL; `keeps` as in OutboxWriting.

    agent: the one agent under which the service keeps all, since it finds nothing across agents.
    """

    def __init__(self, db: Database, *, keeps: bool, agent: str, under_way: int = UNDER_WAY) -> None:
        self._db = db
        self._keeps, self._agent = keeps, agent
        self._due, self._next = (sql.format(under_way=under_way) for sql in (_DUE, _NEXT))

    async def due(self, limit: int) -> list[OutboxEntry]:
        async with self._db.as_service() as connection, connection.transaction():
            rows = {row["id"]: row for row in await connection.fetch(self._due, limit)}
            content = await _content(connection, list(rows))
            # By their memories, and the entries follow: in the order in which forgetting locks them.
            await connection.execute(
                "delete from outbox_memories where entry_id = any($1::bigint[])",
                [id_ for id_ in rows if not content[id_]],
            )
            changed = [id_ for id_, row in rows.items() if content[id_] and _has_changed(row, content[id_])]
            keys = {row["id"]: row["key"] for row in await connection.fetch(RENEW, changed)} if changed else {}
        return [
            _entry(row, content[id_], keys.get(id_, row["key"]), self._agent)
            for id_, row in rows.items()
            if content[id_]
        ]

    async def seconds_to_next(self) -> float | None:
        async with self._db.as_service() as connection:
            seconds = await connection.fetchval(self._next)
        return None if seconds is None else max(0.0, seconds)

    async def begin(self, entry: OutboxEntry) -> bool:
        async with self._db.as_service() as connection, connection.transaction():
            row = await connection.fetchrow(
                f"select {_ENTRY} from outbox where id = $1 and key = $2 and state = 'waiting' for update",
                entry.id,
                entry.key,
            )
            content = (await _content(connection, [entry.id]))[entry.id]
            if row is None or not content:
                return False
            if _handed_over(_entry(row, content, entry.key, self._agent)) != _handed_over(entry):
                return False
            await connection.execute(
                "update outbox set attempts = attempts + 1, begun = $2 where id = $1", entry.id, len(content)
            )
            await connection.execute(
                _BEGUN, entry.id, [row["place"] for row in content], [row["version"] for row in content]
            )
        return True

    async def accepted(self, entry: OutboxEntry, task_id: str, ask_after_s: float) -> None:
        await self._note(entry, "state = 'sent', task_id = $3, problem = null", task_id, wait_s=ask_after_s)

    async def postpone(self, entry: OutboxEntry, problem: str | None, wait_s: float) -> None:
        await self._note(entry, "problem = $3", problem, wait_s=wait_s)

    async def refuse(self, entry: OutboxEntry, problem: str) -> None:
        await self._note(entry, "state = 'refused', problem = $3", problem)

    async def _note(self, entry: OutboxEntry, values: str, value: str | None, *, wait_s: float = 0.0) -> None:
        """Change an entry, unless it is gone or holds something else by now."""
        async with self._db.as_service() as connection:
            await connection.execute(
                f"update outbox set {values}, next_at = now() + $4 * interval '1 second' where id = $1 and key = $2",
                entry.id,
                entry.key,
                value,
                wait_s,
            )

    async def delivered(self, entry: OutboxEntry) -> None:
        async with self._db.as_service() as connection, connection.transaction():
            rows = await connection.fetch(_LOCK_MEMORIES, entry.id)
            if await connection.fetchrow(_LOCK, entry.id, entry.key) is None:
                return  # it left the outbox, or holds something else by now
            if any(not row["delivered"] and not row["expired"] for row in rows):
                await connection.execute(
                    "delete from outbox_memories where entry_id = $1 and memory_id = any($2::uuid[])",
                    entry.id,
                    [row["id"] for row in rows if row["delivered"]],
                )
                await connection.fetch(RENEW, [entry.id])
            else:
                await connection.execute("delete from outbox where id = $1", entry.id)
            if not self._keeps:
                delivered = [row["id"] for row in rows if row["delivered"]]
                await keep_receipts(connection, delivered)
                await connection.execute("delete from memories where id = any($1::uuid[])", delivered)

    async def depth(self, user: str | None = None) -> OutboxDepth:
        return await outbox_depth(self._db, user)

    async def waiting_ids(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        async with self._db.as_service() as connection:
            rows = await connection.fetch(
                "select memory_id from outbox_memories where memory_id = any($1::uuid[])", list(ids)
            )
        return frozenset(UUID(bytes=row["memory_id"].bytes) for row in rows)


async def _content(connection: Any, entries: Sequence[int]) -> dict[int, list[Any]]:
    """Return the rows that each entry hands over, in order; none for an entry whose memories are gone."""
    content: dict[int, list[Any]] = {id_: [] for id_ in entries}
    for row in await connection.fetch(_CONTENT, list(entries)):
        content[row["entry_id"]].append(row)
    return content


def _has_changed(row: Any, content: Sequence[Any]) -> bool:
    """Whether a request with the entry's key held something else than it would now; of a sent one no matter."""
    if row["state"] != OutboxState.WAITING or row["begun"] is None:
        return False
    return row["begun"] != len(content) or any(one["version"] != one["sent_version"] for one in content)


def _handed_over(entry: OutboxEntry) -> tuple[Any, ...]:
    """Return what a request may hold that can change while the entry waits."""
    return entry.kind, entry.tags, entry.messages


def _entry(row: Any, content: Sequence[Any], key: UUID, agent: str) -> OutboxEntry:
    first = content[0]
    return OutboxEntry(
        id=row["id"],
        key=UUID(bytes=key.bytes),
        user=row["user_id"],
        agent=agent,
        project=first["project"] or None,
        kind=first["kind"],
        tags=tuple(first["tags"]),
        conversation_id=row["conversation_id"],
        title=row["title"],
        part=row["part"],
        parts=row["parts"],
        messages=tuple(
            OutboxMessage(role=one["role"] or "user", text=one["text"], name=one["name"], at=one["occurred_at"])
            for one in content
        ),
        state=OutboxState(row["state"]),
        task_id=row["task_id"],
        attempts=row["attempts"],
        problem=row["problem"],
        created_at=row["created_at"],
        next_at=row["next_at"],
    )
