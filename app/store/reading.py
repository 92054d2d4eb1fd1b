"""Reads memories by id, newest first, by conversation or around a turn, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.memory.types import Filter, Memory, Quota, Scope, Stats, Traits, Use
from app.store.database import Database
from app.store.rows import LIVE, MEMORY_COLUMNS, conditions, to_memory


class Reading:
    """The part of the store that reads memories; archived ones only where stated, expired ones never."""

    db: Database

    async def get(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories"
            " where user_id = $1 and id = any($2::uuid[]) and (expires_at is null or expires_at > now())",
            list(ids),
        )
        return {row["id"]: to_memory(row) for row in rows}

    async def recent(self, scope: Scope, limit: int) -> list[Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and {LIVE}"
            " order by created_at desc, position desc limit $2",
            limit,
        )
        return [to_memory(row) for row in rows]

    async def of_project(self, scope: Scope, project: str, limit: int) -> list[Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and project = $2 and {LIVE}"
            " order by created_at desc, position desc limit $3",
            project,
            limit,
        )
        return [to_memory(row) for row in rows]

    async def of_conversation(self, scope: Scope, conversation_id: str, limit: int) -> list[Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and conversation_id = $2 and {LIVE}"
            " order by position limit $3",
            conversation_id,
            limit,
        )
        return [to_memory(row) for row in rows]

    async def neighbours(self, scope: Scope, ids: Sequence[UUID], before: int, after: int) -> dict[UUID, list[Memory]]:
        columns = ", ".join(f"n.{name.strip()}" for name in MEMORY_COLUMNS.split(","))
        rows = await self._fetch(
            scope,
            f"""
            select m.id as centre, {columns}
            from memories m join memories n
              on n.session_id = m.session_id and n.position between m.position - $3 and m.position + $4
            where m.user_id = $1 and n.user_id = $1 and m.id = any($2::uuid[])
              and n.archived_at is null and (n.expires_at is null or n.expires_at > now())
            order by n.position
            """,
            list(ids),
            before,
            after,
        )
        around: dict[UUID, list[Memory]] = {}
        for row in rows:
            around.setdefault(row["centre"], []).append(to_memory(row))
        return around

    async def traits(self, scope: Scope, ids: Sequence[UUID], where: Filter) -> dict[UUID, Traits]:
        condition, arguments = conditions(scope.user, where, first=3)
        rows = await self._fetch(
            scope,
            "select id, session_id, name, coalesce(occurred_at, created_at) as at, words, asks, tells_time"
            f" from memories where user_id = $1 and id = any($2::uuid[]) and {condition}",
            list(ids),
            *arguments,
        )
        return {
            row["id"]: Traits(*row)  # in the order of the columns
            for row in rows
        }

    async def match(
        self, scope: Scope, terms: Sequence[int], where: Filter, limit: int
    ) -> list[tuple[UUID, list[int]]]:
        """Find memories that hold any of the terms, newest first, without the index; return (id, its terms) of each."""
        condition, arguments = conditions(scope.user, where, first=4)
        rows = await self._fetch(
            scope,
            f"select id, terms from memories where user_id = $1 and terms && $2::integer[] and {condition}"
            " order by created_at desc limit $3",
            list(terms),
            limit,
            *arguments,
        )
        return [(row["id"], row["terms"]) for row in rows]

    async def stats(self, scope: Scope, project: str | None) -> Stats:
        """Count the user's memories, including archived ones; a memory of several pieces counts once."""
        rows = await self._fetch(
            scope,
            """
            select project, kind, count(*) filter (where part = 0) as memories,
                   min(created_at) as oldest, max(created_at) as newest, sum(octet_length(text)) as bytes
            from memories
            where user_id = $1 and ($2::text is null or project = $2) and (expires_at is null or expires_at > now())
            group by project, kind
            """,
            project,
        )
        conversations = await self._fetch(
            scope,
            "select count(*) from conversations where user_id = $1 and ($2::text is null or project = $2)",
            project,
        )
        by_kind: dict[str, int] = {}
        by_project: dict[str, int] = {}
        for row in rows:
            by_kind[row["kind"]] = by_kind.get(row["kind"], 0) + row["memories"]
            by_project[row["project"]] = by_project.get(row["project"], 0) + row["memories"]
        return Stats(
            memories=sum(by_kind.values()),
            by_kind=dict(sorted(by_kind.items())),
            by_project=dict(sorted(by_project.items())),
            conversations=conversations[0][0],
            oldest=min((row["oldest"] for row in rows), default=None),
            newest=max((row["newest"] for row in rows), default=None),
            bytes=int(sum(row["bytes"] for row in rows)),
            use=await self._use(scope),
        )

    async def _use(self, scope: Scope) -> Use:
        [row] = await self._fetch(
            scope,
            """
            select used.memories, used.bytes, coalesce(own.memories, $2), coalesce(own.bytes, $3)
            from used_by($1) as used left join quotas own on own.user_id = $1
            """,
            self.db.quota.memories,
            self.db.quota.bytes,
        )
        return Use(row[0], row[1], Quota(row[2], row[3]))

    async def _fetch(self, scope: Scope, sql: str, *arguments: Any) -> list[Any]:
        """Run a query whose first argument is the user."""
        async with self.db.as_user(scope.user) as connection:
            return list(await connection.fetch(sql, scope.user, *arguments))
