"""The projects of a user: how much each holds, and moving everything of one into another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.memory.types import Scope
from app.store.database import Database

_AT_ONCE = 2_000  # memories per transaction: some 0.2 s, and as many entries in the log

_LIST = """
select project, count(*) filter (where part = 0 and conversation_id is null) as memories,
       count(*) filter (where part = 0 and conversation_id is not null) as messages, max(created_at) as newest
from memories where user_id = $1 and project <> '' group by project
union all
select distinct c.project, 0, 0, null::timestamptz from conversations c where c.user_id = $1 and c.project <> ''
    and not exists (select from memories m where m.user_id = $1 and m.project = c.project)
order by 1
"""

# What the other project has already is not kept twice; it is the same text.
_DROP_SAME = """
delete from memories where user_id = $1 and project = $2 and whole_id in (
    select m.whole_id from memories m
    join memories same on same.user_id = $1 and same.project = $3 and same.content_hash = m.content_hash
         and same.conversation_id is null and same.archived_at is null and same.part = 0
    where m.user_id = $1 and m.project = $2 and m.conversation_id is null and m.archived_at is null and m.part = 0
    order by m.whole_id limit $4
) returning part
"""
_MOVE = """
update memories set project = $3, version = version + 1
where user_id = $1 and id in (select id from memories where user_id = $1 and project = $2 order by id limit $4)
returning part
"""
_MOVE_CONVERSATIONS = "update conversations set project = $3 where user_id = $1 and project = $2 returning id"

_MOVE_RECEIPTS = "update receipts set project = $3 where user_id = $1 and project = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project with what it holds."""

    project: str
    memories: int
    messages: int
    newest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move did. same: memories that the other project had already."""

    memories: int
    conversations: int
    same: int


class Projects:
    """Lists and moves; each call sees only the rows of its user."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self, scope: Scope) -> list[ProjectRow]:
        """Return the projects that hold something, by name."""
        async with self._db.as_user(scope.user) as connection:
            return [ProjectRow(**row) for row in await connection.fetch(_LIST, scope.user)]

    async def move(self, scope: Scope, old: str, new: str) -> Moved:
        """Move all memories and conversations, in steps: one that was stopped can be made again.

        Conversations first, so that what a client adds meanwhile comes into the other project.
        """
        async with self._db.as_user(scope.user) as connection:
            conversations = await connection.fetch(_MOVE_CONVERSATIONS, scope.user, old, new)
        async with self._db.as_service() as connection:
            await connection.execute(_MOVE_RECEIPTS, scope.user, old, new)
        same = await self._steps(_DROP_SAME, scope, old, new)
        return Moved(memories=await self._steps(_MOVE, scope, old, new), conversations=len(conversations), same=same)

    async def _steps(self, statement: str, scope: Scope, old: str, new: str) -> int:
        """Run a statement until it finds nothing more; return how many memories it found."""
        memories = 0
        while True:
            async with self._db.as_user(scope.user) as connection:
                rows = await connection.fetch(statement, scope.user, old, new, _AT_ONCE)
            if not rows:
                return memories
            memories += sum(row["part"] == 0 for row in rows)
