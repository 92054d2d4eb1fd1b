"""Reads the change log for followers, and the data to index the sessions that changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.memory.change_log import Batch, Change, LogPruned, Member, Space, horizon_of
from app.store.database import Database
from app.store.terms import LIVE_MEMORIES

_BACKLOG_CHANGES = 200_000  # some 50 MB; refilling an index that far behind is faster
_PAGE_MEMORIES = 5_000  # some MB, and a tenth of a second's work; the last session is read completely

_MEMBER_COLUMNS = (
    "session_id, position, id, user_id, project, kind, tags, role, conversation_id,"
    " coalesce(occurred_at, created_at) as at, terms, asks, name, tells_time, tells_number, first_person,"
    " occurred_offset"
)

_PAGE_CHANGES = 50_000  # some 12 MB
_SORT_LIMIT_S = 600.0  # sorting the sessions of the largest user, from a slow disk
_PRUNE_LIMIT_S = 600.0  # one statement deletes even a log that was not pruned for weeks

# $1, $2: the transaction and the entry to begin after; $3: the snapshot already read; $4: the moment to read.
# {of_user}: nothing, or a condition on $6; each has the index of its own.
_READ_OF = """
select coalesce($4::text, pg_current_snapshot()::text) as snapshot,
       (select xid::text::bigint from log_positions where name = 'pruned') as pruned,
       array(select row(xid::text::bigint, seq, session_id, memory_id, position, extract(epoch from at)::float8,
                              user_id, abs(bytes))
             from changes
             where xid >= ($1::bigint::text)::xid8 and (xid > ($1::bigint::text)::xid8 or seq > $2){of_user}
               and not pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
               and ($4::text is null or pg_visible_in_snapshot(xid, $4::text::pg_snapshot))
             order by xid, seq limit $5) as changes
"""
_READ, _READ_ALONE = _READ_OF.format(of_user=""), _READ_OF.format(of_user=" and user_id = $6")

# Below this position, term_counts and usage include the log.
_FOLDED = "select xid from log_positions where name in ('term_counts', 'usage') order by xid limit 1"

# It reads from the old end of the log, so the cost depends on what can be pruned and not on what is kept: 0.2 ms
# with a million entries of this week, where checking the age of each took 370 ms, four times a minute.
_PRUNABLE = f"xid < least(({_FOLDED}), (select xid from changes where at >= now() - $1::interval order by xid limit 1))"

# The index memories_newest begins with the user, so neither reads more than its page.
_NEXT_USERS = """
select user_id, count(*) from (select user_id from memories where user_id > $1 order by user_id limit $2) as page
group by user_id order by user_id
"""
_OF_USERS = (
    f"select {_MEMBER_COLUMNS} from memories where user_id = any($1::text[]) and archived_at is null"
    " order by user_id, session_id, position"
)
_SESSIONS_OF = (
    "select session_id, count(*) from memories where user_id = $1 and archived_at is null"
    " group by session_id order by session_id"
)
_OF_SESSIONS = (
    f"select {_MEMBER_COLUMNS} from memories where session_id = any($1::uuid[]) and archived_at is null"
    " order by session_id, position"
)


class PostgresChangeLog:
    """An app.memory.change_log.ChangeLog in PostgreSQL."""

    def __init__(self, db: Database, model: str | None = None) -> None:
        """model: the model whose vectors are followed; None for none."""
        self._db = db
        self.model = model

    async def database_id(self) -> UUID:
        async with self._db.as_service() as connection:
            return UUID(str(await connection.fetchval("select database_id from instance")))

    async def read(self, position: int, seen: str | None = None) -> Batch:
        """See ChangeLog.read.

        A follower that was just filled has a `seen`, so it need not refill again, however long an open transaction
        holds back the horizon and however much was written meanwhile.
        """
        limit = _BACKLOG_CHANGES + 1 if seen is None else _PAGE_CHANGES
        row = await self._page(_READ, position, 0, seen or _settled(position), None, limit)
        if position < row["pruned"] or (seen is None and len(row["changes"]) == limit):
            raise LogPruned
        return _batch(row, seen or _settled(position), limit)

    async def read_alone(self, user: str, position: int, seen: str | None, limit: int) -> Batch:
        seen = seen or _settled(position)
        row = await self._page(_READ_ALONE, position, 0, seen, None, limit, user)
        if position < row["pruned"]:
            raise LogPruned
        return _batch(row, seen, limit)

    async def read_on(self, batch: Batch) -> Batch:
        """See ChangeLog.read_on. What is left of a transaction that was pruned may be gone."""
        assert batch.last is not None
        row = await self._page(_READ, *batch.last, batch.seen, batch.snapshot, _PAGE_CHANGES)
        if batch.last[0] < row["pruned"]:
            raise LogPruned
        return _batch(row, batch.seen, _PAGE_CHANGES)

    async def _page(self, query: str, *arguments: object) -> Any:
        async with self._db.as_service() as connection:
            return await connection.fetchrow(query, *arguments)

    async def snapshot(self) -> str:
        async with self._db.as_service() as connection:
            return str(await connection.fetchval("select pg_current_snapshot()::text"))

    async def members(
        self, sessions: Sequence[UUID], user: str | None = None, limit: int | None = None
    ) -> dict[UUID, list[Member]]:
        async with self._reading(user) as connection:
            rows = await connection.fetch(f"{_OF_SESSIONS} limit $2", list(sessions), limit)
        return _by_session(rows)

    async def space(self) -> Space | None:
        if self.model is None:
            return None
        from app.memory.vectors import size_of

        async with self._db.as_service() as connection:
            vector = await connection.fetchval("select vector from embeddings where model = $1 limit 1", self.model)
        return None if vector is None else Space(self.model, size_of(vector))

    async def vectors(self, memories: Sequence[UUID], user: str | None = None) -> dict[UUID, bytes]:
        if self.model is None or not memories:
            return {}
        async with self._reading(user) as connection:
            rows = await connection.fetch(
                # one index lookup for each, even with a plan made while the table was empty
                "select wanted.id, e.vector from unnest($1::uuid[]) as wanted (id) cross join lateral"
                " (select vector from embeddings where memory_id = wanted.id and model = $2 offset 0) as e",
                list(memories),
                self.model,
            )
        return dict(rows)

    def _reading(self, user: str | None) -> AbstractAsyncContextManager[Any]:
        return self._db.as_service(writes=False) if user is None else self._db.as_user(user, writes=False)

    async def everything(self) -> AsyncIterator[dict[UUID, list[Member]]]:
        last = ""
        snapshot = {"isolation": "repeatable_read", "readonly": True}
        async with self._db.as_service() as connection, connection.transaction(**snapshot):
            while users := dict(await connection.fetch(_NEXT_USERS, last, _PAGE_MEMORIES)):
                is_full = sum(users.values()) == _PAGE_MEMORIES
                if is_full and len(users) > 1:
                    users.popitem()  # perhaps not complete
                *_, last = users
                if is_full and len(users) == 1:
                    async for sessions in _sessions_of(connection, last):
                        yield _by_session(await connection.fetch(_OF_SESSIONS, sessions))
                else:
                    yield _by_session(await connection.fetch(_OF_USERS, list(users)))

    async def live(self) -> int:
        async with self._db.as_service() as connection:
            return int(await connection.fetchval(LIVE_MEMORIES))

    async def horizon(self) -> int:
        async with self._db.as_service() as connection:
            return int(await connection.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

    async def prunable(self, keep: timedelta) -> int:
        """Count the changes that `prune` would delete."""
        async with self._db.as_service() as connection:
            return int(await connection.fetchval(f"select count(*) from changes where {_PRUNABLE}", keep))

    async def prune(self, keep: timedelta) -> int:
        """Delete folded changes older than `keep`, up to the first younger one; return how many.

        A follower that is further behind rebuilds its index.
        """
        async with self._db.as_service() as connection, connection.transaction():
            last = await connection.fetchval(f"select max(xid)::text::bigint from changes where {_PRUNABLE}", keep)
            if last is None:
                return 0
            await connection.execute(
                "update log_positions set xid = (($1::bigint + 1)::text)::xid8 where name = 'pruned'", last
            )
            done = await connection.execute(
                "delete from changes where xid <= ($1::bigint::text)::xid8", last, timeout=_PRUNE_LIMIT_S
            )
        return int(done.split()[-1])


def _settled(position: int) -> str:
    """Return the snapshot in which everything below a position is visible; there is no transaction 0."""
    first = max(position, 1)
    return f"{first}:{first}:"


def _batch(row: Any, seen: str, limit: int) -> Batch:
    entries = row["changes"]
    last = (entries[-1][0], entries[-1][1]) if len(entries) == limit else None
    changes = [Change(*entry[1:]) for entry in entries]
    return Batch(horizon_of(row["snapshot"]), changes, row["snapshot"], seen, last)


async def _sessions_of(connection: Any, user: str) -> AsyncIterator[list[UUID]]:
    """Yield a user's sessions, as many at a time as make a page; only their ids are sorted, however many there are."""
    cursor = await connection.cursor(_SESSIONS_OF, user, timeout=_SORT_LIMIT_S)
    sessions: list[UUID] = []
    memories = 0
    while rows := await cursor.fetch(_PAGE_MEMORIES):
        for session, members in rows:
            sessions.append(session)
            memories += members
            if memories >= _PAGE_MEMORIES:
                yield sessions
                sessions, memories = [], 0
    if sessions:
        yield sessions


def _by_session(rows: Sequence[object]) -> dict[UUID, list[Member]]:
    sessions: dict[UUID, list[Member]] = {}
    for row in rows:
        member = Member(*row)  # type: ignore[misc]  # a record unpacks in the order of _MEMBER_COLUMNS
        sessions.setdefault(member.session, []).append(member)
    return sessions
