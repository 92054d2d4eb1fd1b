"""Reads memories by id, newest first, by conversation or around a turn, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.memory.moments import at_place
from app.memory.types import ALL, Filter, Memory, Nearby, Quota, Scope, Stats, Traits, Use
from app.store.database import Database
from app.store.rows import LIVE, MEMORY_COLUMNS, conditions, to_memory

# From name to name in an index: the cost is that of the projects, not of their memories.
_PROJECTS = """
with recursive names (project) as (
    select min(project) from memories where user_id = $1 and project > ''
    union all
    select (select min(m.project) from memories m where m.user_id = $1 and m.project > names.project)
    from names where names.project is not null
)
select project from names where starts_with(project, $2) limit $3
"""
_PROJECTS_ELSEWHERE = """
select distinct project from receipts where user_id = $1 and project > '' and starts_with(project, $2)
order by project limit $3
"""
# Where words are looked for in the texts themselves. 20,000 texts of usual length take PostgreSQL a tenth of a second;
# it keeps some 32 compiled patterns and, with more words than that, would compile each anew for every text.
TEXTS_READ = 20_000
WORDS_READ = 24


class Reading:
    """The part of the store that reads memories; archived and expired ones only where stated."""

    db: Database
    receipts: bool  # whether what another service alone has counts as stored

    async def get(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories"
            " where user_id = $1 and id = any($2::uuid[]) and (expires_at is null or expires_at > now())",
            list(ids),
        )
        return {row["id"]: to_memory(row, self.db.zone) for row in rows}

    async def recent(self, scope: Scope, limit: int, where: Filter = ALL, skip: int = 0) -> list[Memory]:
        condition, arguments = conditions(scope.user, where, first=4)
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and {condition}"
            " order by created_at desc, position desc, id limit $2 offset $3",
            limit,
            skip,
            *arguments,
        )
        return [to_memory(row, self.db.zone) for row in rows]

    async def of_project(self, scope: Scope, project: str, limit: int) -> list[Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and project = $2 and {LIVE}"
            " order by created_at desc, position desc limit $3",
            project,
            limit,
        )
        return [to_memory(row, self.db.zone) for row in rows]

    async def project_names(self, scope: Scope, beginning: str, limit: int) -> list[str]:
        names = {row["project"] for row in await self._fetch(scope, _PROJECTS, beginning, limit)}
        if self.receipts:
            names.update(row["project"] for row in await self._fetch(scope, _PROJECTS_ELSEWHERE, beginning, limit))
        return sorted(names)[:limit]

    async def conversation_ids(self, scope: Scope, beginning: str, limit: int) -> list[str]:
        rows = await self._fetch(
            scope,
            """
            select id from conversations where user_id = $1 and starts_with(id, $2)
            order by updated_at desc, id limit $3
            """,
            beginning,
            limit,
        )
        return [row["id"] for row in rows]

    async def of_conversation(self, scope: Scope, conversation_id: str, limit: int) -> list[Memory]:
        rows = await self._fetch(
            scope,
            f"select {MEMORY_COLUMNS} from memories where user_id = $1 and conversation_id = $2 and {LIVE}"
            " order by position limit $3",
            conversation_id,
            limit,
        )
        return [to_memory(row, self.db.zone) for row in rows]

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
            around.setdefault(row["centre"], []).append(to_memory(row, self.db.zone))
        return around

    async def terms_around(
        self, scope: Scope, ids: Sequence[UUID], reach: int, longest: int
    ) -> dict[UUID, list[Nearby]]:
        """See MemoryStore.terms_around; the rows are those from which an index is made (PostgresChangeLog.members)."""
        rows = await self._fetch(
            scope,
            """
            select m.id as centre, n.position - m.position as distance, n.id, n.terms, n.asks
            from memories m join memories n
              on n.session_id = m.session_id and n.position between m.position - $3 and m.position + $3
            where m.user_id = $1 and n.user_id = $1 and m.id = any($2::uuid[])
              and (n.id = m.id or (n.archived_at is null and (
                cardinality(n.terms) <= $4 or (n.position = m.position - 1 and n.asks)
              )))
            order by n.position
            """,
            list(ids),
            reach,
            longest,
        )
        around: dict[UUID, list[Nearby]] = {}
        for centre, *nearby in rows:
            around.setdefault(centre, []).append(Nearby(*nearby))
        return around

    async def traits(self, scope: Scope, ids: Sequence[UUID], where: Filter) -> dict[UUID, Traits]:
        condition, arguments = conditions(scope.user, where, first=3)
        rows = await self._fetch(
            scope,
            "select id, role, name, coalesce(occurred_at, created_at) as at, asks, tells_time, tells_number,"
            " first_person, occurred_offset"
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

    async def match_words(
        self, scope: Scope, words: Sequence[str], phrase: Sequence[str], where: Filter, limit: int
    ) -> list[tuple[UUID, str]]:
        """Read the newest texts of the user, without the index: only for words that are in no index."""
        condition, arguments = conditions(scope.user, where, first=6)
        rows = await self._fetch(
            scope,
            "select id, text from ("
            f"select id, text, created_at from memories where user_id = $1 and {condition}"
            " order by created_at desc limit $5"
            ") as newest where text ~* all($2::text[]) order by text ~ $3 desc, created_at desc limit $4",
            [rf"\m{word}\M" for word in words[:WORDS_READ]],
            r"\m" + r"\W+".join(phrase) + r"\M",
            limit,
            TEXTS_READ,
            *arguments,
        )
        return [(row["id"], row["text"]) for row in rows]

    async def stats(self, scope: Scope, project: str | None) -> Stats:
        """Count the user's memories, including archived ones; a memory of several pieces counts once.

        Those that another service alone has count too, unless all are kept here.
        """
        rows = await self._fetch(
            scope,
            """
            select project, kind, count(*) filter (where counts) as memories,
                   min(created_at) as oldest, max(created_at) as newest, sum(bytes) as bytes
            from (
                select project, kind, part = 0 as counts, created_at, octet_length(text) as bytes from memories
                where user_id = $1 and (expires_at is null or expires_at > now())
                union all
                select project, kind, not exists (select from memories m where m.user_id = $1 and m.id = receipts.id),
                       created_at, bytes
                from receipts where $3 and user_id = $1
            ) as stored
            where $2::text is null or project = $2
            group by project, kind
            """,
            project,
            self.receipts,
        )
        conversations = await self._fetch(
            scope,
            "select count(*) from conversations where user_id = $1 and ($2::text is null or project = $2)",
            project,
        )
        by_kind: dict[str, int] = {}
        by_project: dict[str, int] = {}
        oldest = min((row["oldest"] for row in rows), default=None)
        newest = max((row["newest"] for row in rows), default=None)
        for row in rows:
            by_kind[row["kind"]] = by_kind.get(row["kind"], 0) + row["memories"]
            by_project[row["project"]] = by_project.get(row["project"], 0) + row["memories"]
        return Stats(
            memories=sum(by_kind.values()),
            by_kind=dict(sorted(by_kind.items())),
            by_project=dict(sorted(by_project.items())),
            conversations=conversations[0][0],
            oldest=None if oldest is None else at_place(oldest, None, self.db.zone),
            newest=None if newest is None else at_place(newest, None, self.db.zone),
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
        async with self.db.as_user(scope.user, writes=False) as connection:
            return list(await connection.fetch(sql, scope.user, *arguments))
